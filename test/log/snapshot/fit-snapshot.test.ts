import { expect, test } from "vitest";
import { OrderBook } from "../../../src/book/order-book.ts";
import { whyUnfit } from "../../../src/log/snapshot/fit-snapshot.ts";
import type { BookSnapshot } from "../../../src/log/snapshot/snapshot.ts";
import { SnapshotFolder } from "../../../src/log/snapshot/snapshot-folder.ts";
import { testInstrument } from "../../support/flow-rig.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const instrument = testInstrument("A");
const capacities = { liveOrdersMax: 5, levelsPerSideMax: 5 };

/** Of one empty book, which has come as far as entry 9. */
async function* books(): AsyncIterable<BookSnapshot> {
  yield {
    index: 1,
    instrument,
    ...capacities,
    sourceTimeLow: 0,
    sourceTimeHigh: 0,
    appliedThrough: 9,
    state: new OrderBook({ ...instrument, ...capacities }, 1).exportState(),
  };
}

const digestAt = async (index: number) => `digest at ${index}`;

test("a snapshot fits a log that has all that is in it, and no other", async () => {
  const folder = new SnapshotFolder(temporaryFolder());
  const rules = { rulesVersion: 1, ...capacities, instrumentsMax: 1, producersMax: 1 } as const;
  const head = { logIndex: 7, rules, instruments: 1, producers: [] };
  const { file } = await folder.write(
    { head, books: books(), log: { digestAt } },
    new AbortController().signal,
  );
  const why = (startIndex: number, endIndex: number, digest = digestAt) =>
    whyUnfit(file, { startIndex, endIndex, digestAt: digest });
  const changedAt = (changed: number) => async (index: number) =>
    index < changed ? digestAt(index) : "another";
  expect(await why(0, 20)).toBe(undefined);
  expect(await why(7, 10)).toBe(undefined);
  expect(await why(8, 20)).toContain("nothing from entry 7 on: it begins at 8");
  expect(await why(0, 6)).toContain("entries up to 7, and the order log ends at 6");
  expect(await why(0, 20, changedAt(0))).toContain("changed before entry 7");
  // Its head is of this log, but a book has entries that were taken from the log since.
  expect(await why(0, 9)).toContain("entries up to 10, and the order log ends at 9");
  expect(await why(0, 20, changedAt(8))).toContain("changed before entry 10");
  expect(await why(0, 20, changedAt(11))).toBe(undefined);
  expect(await whyUnfit({ ...file, logIndex: 8 }, { startIndex: 0, endIndex: 20, digestAt })).toContain(
    "its name",
  );
});
