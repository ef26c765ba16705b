import { describe, expect, test } from "vitest";
import { packRecords } from "../../../src/log/record-group.ts";
import { GroupWriter, type SentGroup } from "../../../src/log/sqlite/group-writer.ts";
import { numberedRecord } from "../../support/log-taker.ts";
import { appendNumbers, newLogPath, openKeeper, readNumbers } from "../../support/sqlite-log.ts";

/** Groups that have come, as the thread's port has them. */
function sent(numbers: readonly number[], refusals = 0, byteLength = 100): SentGroup {
  return { group: packRecords(numbers.map((number) => numberedRecord(number, byteLength))), refusals };
}

function taking(groups: SentGroup[]): () => SentGroup | undefined {
  return () => groups.shift();
}

describe("group commit", () => {
  test("writes what has come meanwhile in one transaction", () => {
    const log = openKeeper(newLogPath());
    const writer = new GroupWriter(log, () => 0);
    const waiting = [sent([1, 2]), sent([3])];
    expect(writer.write(sent([0]), taking(waiting))).toMatchObject({ kind: "committed", records: 4 });
    expect(readNumbers(log)).toEqual([0, 1, 2, 3]);
  });

  test("is bounded in bytes", () => {
    const log = openKeeper(newLogPath());
    const writer = new GroupWriter(log, () => 0);
    const waiting = [sent([1], 0, 5e6), sent([2], 0, 5e6), sent([3], 0, 5e6)];
    expect(writer.write(sent([0], 0, 5e6), taking(waiting))).toMatchObject({ records: 2 });
    expect(waiting).toHaveLength(2);
  });

  test("refuses what was sent without knowing of a refusal, and nothing that was sent after it", () => {
    const bytesMax = 200_000;
    const log = openKeeper(newLogPath(), { bytesMax });
    const writer = new GroupWriter(log, () => 0);
    appendNumbers(log, 0, 10, 8000);
    expect(writer.write(sent([10], 0, bytesMax), taking([]))).toMatchObject({ kind: "refused" });
    expect(writer.write(sent([11]), taking([]))).toBeUndefined();
    expect(writer.write(sent([12]), taking([sent([10], 1), sent([11], 1)]))).toMatchObject({ records: 2 });
    expect(readNumbers(log).slice(10)).toEqual([10, 11]);
  });
});
