import { describe, expect, onTestFinished, test } from "vitest";
import { BookState } from "../../src/book/depth.ts";
import { LiveBook } from "../../src/client/live-book.ts";
import type { DeltaUpdate, SnapshotUpdate } from "../../src/client/market-update.ts";
import { WatchedView } from "../../src/client/watched-view.ts";
import { checksumOf, levels, subscribed, TIMES, VIEW } from "../support/client-updates.ts";
import { ManualClock } from "../support/manual-clock.ts";

const snapshot: SnapshotUpdate = {
  type: "snapshot",
  ...VIEW,
  epoch: 1n,
  sequence: 1,
  bids: levels([100, 1]),
  asks: [],
  checksum: checksumOf(levels([100, 1]), []),
  state: BookState.open,
  ...TIMES,
};

/** A bid more. Of a price that its checksum does not cover: damaged on its way. */
function delta(sequence: number, price: number, covered: readonly number[]): DeltaUpdate {
  const all = levels(...covered.map((each) => [each, 1] as const));
  return {
    type: "delta",
    ...VIEW,
    prevSequence: sequence - 1,
    sequence,
    bids: levels([price, 1]),
    asks: [],
    checksum: checksumOf(all, []),
    state: BookState.open,
    mergedIntervals: 1,
    ...TIMES,
  };
}

describe("a live book that is read by for await", () => {
  // However far the reader is on its way from a good update when a damaged one comes.
  test.each(Array.from({ length: 12 }, (_, turns) => turns))(
    "is never shown as live with levels that are wrong (%i turns between)",
    async (turns) => {
      const broken: string[] = [];
      const view = new WatchedView({ symbol: "X", depth: 5, intervalMs: 50 }, new ManualClock(), {
        broken: (_view, breach) => void broken.push(breach),
        silent: () => {},
      });
      onTestFinished(() => view.close());
      view.take(subscribed);
      view.take(snapshot);
      const book = new LiveBook(view, () => {});
      const live: number[][] = [];
      const reading = (async () => {
        for await (const { status } of book) {
          if (status === "live") live.push(book.bids.map(({ price }) => price.mantissa));
        }
      })();
      await new Promise(setImmediate);
      view.take(delta(2, 99, [100, 99]));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      view.take(delta(3, 97, [100, 99, 98]));
      await new Promise(setImmediate);
      book.close();
      view.close();
      await reading;
      expect(broken).toEqual(["checksum"]);
      const right = [[100], [100, 99]];
      expect(right).toEqual(expect.arrayContaining(live));
      expect(live[0]).toEqual([100]);
    },
  );
});
