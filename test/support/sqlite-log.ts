import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { packRecords, unpackRecords } from "../../src/log/record-group.ts";
import { LogKeeper, type LogKeeperOptions } from "../../src/log/sqlite/log-keeper.ts";
import { numberedRecord, recordNumber } from "./log-taker.ts";
import { memoryFolder } from "./temporary-folder.ts";

/** The files of a log, taken as they are. */
export type LogFiles = ReadonlyMap<string, Buffer>;

const SUFFIXES = ["", "-wal", ".watermark"] as const;

export function newLogPath(folder = memoryFolder()): string {
  return join(folder, "log.db");
}

/** Opened on this thread; closed when the test ends. */
export function openKeeper(path: string, options: Partial<LogKeeperOptions> = {}): LogKeeper {
  const log = new LogKeeper({
    path,
    epoch: 1000n,
    bytesMax: Number.MAX_SAFE_INTEGER,
    nowMs: () => performance.now(),
    ...options,
  });
  onTestFinished(() => {
    try {
      log.close();
    } catch {
      // The test has closed it, or broken its files.
    }
  });
  return log;
}

/** Appends records with the numbers from `from` up to `to`, without it, in one transaction. */
export function appendNumbers(log: LogKeeper, from: number, to: number, byteLength = 100): void {
  log.append([
    packRecords(Array.from({ length: to - from }, (_, place) => numberedRecord(from + place, byteLength))),
  ]);
}

/** Everything that a log holds, as the numbers of its records; each is checked to be whole. */
export function readNumbers(log: LogKeeper): number[] {
  const numbers: number[] = [];
  for (let index = log.startIndex; index < log.endIndex; ) {
    const entries = unpackRecords(log.read(index, log.endIndex, 64 * 1024), index);
    for (const { record } of entries) {
      const number = recordNumber(record);
      const whole = Buffer.from(numberedRecord(number, record.byteLength));
      if (!whole.equals(Buffer.from(record))) throw new Error(`record ${number} is not as it was written`);
      numbers.push(number);
    }
    index += entries.length;
  }
  return numbers;
}

/**
 * The files as a crash at this moment would leave them. Copied by another process: closing a file that SQLite has open in this one
 * would let go of its locks.
 */
export function takeFiles(path: string): LogFiles {
  const copy = newLogPath();
  execFileSync("sh", [
    "-c",
    `for suffix in ${SUFFIXES.slice(1).join(" ")} ""; do cp -f "$1$suffix" "$2$suffix" 2> /dev/null || true; done`,
    "sh",
    path,
    copy,
  ]);
  return new Map(
    SUFFIXES.filter((suffix) => existsSync(copy + suffix)).map((suffix) => [
      suffix,
      readFileSync(copy + suffix),
    ]),
  );
}

/** Puts files where a log was, or will be. */
export function putFiles(path: string, files: LogFiles): void {
  for (const suffix of [...SUFFIXES, "-shm", ".lock"]) rmSync(path + suffix, { force: true });
  for (const [suffix, content] of files) writeFileSync(path + suffix, content);
}
