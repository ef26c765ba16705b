import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { DepthcastError } from "../../../src/errors.ts";
import type { LogKeeper } from "../../../src/log/sqlite/log-keeper.ts";
import { type Random, withSeed } from "../../support/random.ts";
import {
  appendNumbers,
  type LogFiles,
  newLogPath,
  openKeeper,
  putFiles,
  readNumbers,
  takeFiles,
} from "../../support/sqlite-log.ts";

/** Files of a log that were cut off or changed: what an opening makes of them is right, or a clear refusal. */

/** How many damages are tried. */
const TRIALS = Number(process.env["TEST_TRIALS"] ?? 300);

/** A log with some entries carried over into its database, some truncated, and more in its write-ahead log. */
function mixedLog(isCarriedOver: boolean): {
  readonly path: string;
  readonly files: LogFiles;
  readonly end: number;
} {
  const path = newLogPath();
  let end = 0;
  const commit = (log: LogKeeper, count: number, byteLength: number) => {
    appendNumbers(log, end, end + count, byteLength);
    end += count;
  };
  const first = openKeeper(path);
  for (let i = 0; i < 60; i++) commit(first, 1 + (i % 7), 2000 + i * 10);
  while (!first.truncate(30, 10));
  first.close();
  const log = openKeeper(path);
  for (let i = 0; i < 25; i++) commit(log, 1 + (i % 3), 500 + i * 100);
  if (isCarriedOver) carryOver(path);
  const files = takeFiles(path);
  log.close();
  return { path, files, end };
}

/** As a crash just after a checkpoint finds it: all is in the database, and its write-ahead log counts as well. */
function carryOver(path: string): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  database.close();
}

/** What an opening makes of the files: the numbers that are there, or why it refused. */
function openAndRead(path: string): { readonly numbers: readonly number[] } | { readonly refusal: string } {
  let log: LogKeeper | undefined;
  try {
    log = openKeeper(path);
    const numbers = readNumbers(log);
    const end = numbers.length + log.startIndex;
    // It goes on from there, and all of it is there the next time.
    appendNumbers(log, end, end + 5);
    log.close();
    log = openKeeper(path);
    expect(readNumbers(log)).toEqual([...numbers, end, end + 1, end + 2, end + 3, end + 4]);
    return { numbers };
  } catch (thrown) {
    if (!(thrown instanceof DepthcastError)) throw thrown;
    expect(thrown.message).toContain(path);
    return { refusal: thrown.message };
  } finally {
    try {
      log?.close();
    } catch {
      // Closed already.
    }
  }
}

/** From any start up to the end, without a gap. */
function expectNumbersUpTo(numbers: readonly number[], end: number): void {
  const start = numbers[0] ?? end;
  expect(start).toBeLessThanOrEqual(30);
  expect(numbers).toEqual(Array.from({ length: end - start }, (_, place) => start + place));
}

test("a write-ahead log that is cut at any 512 bytes of its last 64 KiB loses nothing acknowledged without a word", () => {
  const path = newLogPath();
  const log = openKeeper(path);
  for (let i = 0; i < 30; i++) appendNumbers(log, i * 2, i * 2 + 2, 300);
  const acknowledged = takeFiles(path).get(".watermark")!;
  appendNumbers(log, 60, 62, 300);
  appendNumbers(log, 62, 64, 300);
  const files = takeFiles(path);
  log.close();
  const wal = files.get("-wal")!;
  const outcomes = { whole: 0, part: 0, refused: 0 };
  for (let cut = 0; cut <= 64 * 1024; cut += 512) {
    const changed = new Map([
      ...files,
      ["-wal", wal.subarray(0, wal.length - cut)],
      [".watermark", acknowledged],
    ]);
    putFiles(path, changed);
    const outcome = openAndRead(path);
    if ("refusal" in outcome) {
      outcomes.refused += 1;
      expect(outcome.refusal).toMatch(
        /has lost acknowledged entries: it ends at [0-9]+, and 60 were acknowledged/,
      );
    } else {
      const { length } = outcome.numbers;
      expectNumbersUpTo(outcome.numbers, length);
      expect([60, 62, 64]).toContain(length);
      if (length === 64) outcomes.whole += 1;
      else outcomes.part += 1;
    }
  }
  expect(outcomes.whole).toBeGreaterThan(0);
  expect(outcomes.part).toBeGreaterThan(30);
  expect(outcomes.refused).toBeGreaterThan(30);
});

test.each([
  ["apart from it", false],
  ["just carried over", true],
])(
  "bytes that are changed in the database, its write-ahead log (%s) or the watermark never make a wrong log",
  (_, isCarriedOver) =>
    withSeed((random) => {
      const { path, files, end } = mixedLog(isCarriedOver);
      const outcomes = { right: 0, refused: 0 };
      for (let trial = 0; trial < TRIALS; trial++) {
        const suffix = random.pick(["", "-wal", ".watermark"]);
        putFiles(path, new Map([...files, [suffix, damage(files.get(suffix)!, random)]]));
        const outcome = openAndRead(path);
        if ("refusal" in outcome) {
          outcomes.refused += 1;
        } else {
          outcomes.right += 1;
          expectNumbersUpTo(outcome.numbers, end);
        }
      }
      // Both happen often, or nothing is shown.
      expect(outcomes.right).toBeGreaterThan(TRIALS / 10);
      expect(outcomes.refused).toBeGreaterThan(TRIALS / 10);
    }),
);

/** Some bits turned over, or a stretch of zeros, or of another place. */
function damage(content: Buffer, random: Random): Buffer {
  const changed = Buffer.from(content);
  const place = () => random.between(0, changed.length - 1);
  const kind = random.between(0, 3);
  const at = place();
  if (kind === 0) changed.fill(0, at, Math.min(at + 512, changed.length));
  else if (kind === 1) changed.copyWithin(at, place(), changed.length);
  else {
    for (let flips = random.between(1, 4); flips > 0; flips--) {
      const flipped = place();
      changed[flipped] = changed[flipped]! ^ (1 << random.between(0, 7));
    }
  }
  return changed;
}
