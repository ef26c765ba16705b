import { existsSync, renameSync, rmSync } from "node:fs";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { LogEntry } from "../order-log.ts";
import { packRecords } from "../record-group.ts";
import { diskError } from "./disk-error.ts";
import { FileLock } from "./file-lock.ts";
import { LogReader } from "./log-reader.ts";
import { LogStore } from "./log-store.ts";
import { syncFolder, Watermark, watermarkPath } from "./watermark.ts";

/** Bytes that are copied in one transaction. */
const COPY_BYTES = 8 * 1024 * 1024;

export interface RepairedLog {
  readonly epoch: bigint;
  readonly startIndex: number;
  readonly endIndex: number;
  /** Where the log as it was is kept. */
  readonly savedPath: string;
}

/**
 * Keeps the entries up to `lastIndex`, each checked, and drops the rest: into a new file, as nothing is to be believed of one that is
 * damaged; the old one stays beside it. The log has a new epoch, as consumers may have seen what is dropped.
 *
 * @param epoch the least that the new one may be
 * @throws DepthcastError `failed_precondition` where a server has it, `invalid_argument` for an entry that cannot be the last, `internal`
 *   where one up to it is damaged. Nothing is changed then.
 */
export function discardAfter(path: string, lastIndex: number, epoch: bigint): RepairedLog {
  return locked(path, () => {
    const copyPath = `${path}.repair`;
    removeDatabase(copyPath);
    const source = new LogReader(path);
    try {
      const { startIndex } = source.meta;
      const { endIndex } = source;
      if (lastIndex < startIndex - 1 || lastIndex >= endIndex)
        throw notThere(path, lastIndex, startIndex, endIndex);
      const copy = new LogStore(copyPath, { ...source.meta, epoch: laterEpoch(source.meta.epoch, epoch) });
      try {
        for (const entries of chunks(source.read(startIndex, lastIndex + 1))) {
          copy.append([packRecords(entries.map(({ record }) => record))]);
        }
        copy.close();
      } finally {
        copy.abandon();
      }
      source.close();
      const savedPath = replaceDatabase(path, copyPath);
      writeWatermark(path, copy);
      return { epoch: copy.epoch, startIndex, endIndex: copy.endIndex, savedPath };
    } finally {
      removeDatabase(copyPath);
    }
  });
}

/**
 * Gives a log a new epoch and a watermark of its own: for a restored backup, whose entries consumers may have seen go on in another way.
 *
 * @param epoch the least that it may be
 * @throws DepthcastError as `discardAfter`.
 */
export function beginNewEpoch(path: string, epoch: bigint): Omit<RepairedLog, "savedPath"> {
  return locked(path, () => {
    if (!existsSync(path)) throw new DepthcastError(ErrorCode.notFound, `there is no order log ${path}`);
    const source = new LogReader(path);
    try {
      for (const entry of source.read(source.meta.startIndex, source.endIndex)) void entry;
    } finally {
      source.close();
    }
    const log = new LogStore(path, source.meta);
    try {
      log.setEpoch(laterEpoch(log.epoch, epoch));
      writeWatermark(path, log);
      return { epoch: log.epoch, startIndex: log.startIndex, endIndex: log.endIndex };
    } finally {
      log.close();
    }
  });
}

function locked<Result>(path: string, action: () => Result): Result {
  const lock = new FileLock(path);
  try {
    return action();
  } catch (thrown) {
    throw diskError(thrown, "repair", path);
  } finally {
    lock.release();
  }
}

function laterEpoch(before: bigint, least: bigint): bigint {
  return before < least ? least : before + 1n;
}

function* chunks(entries: Iterable<LogEntry>): Iterable<LogEntry[]> {
  let chunk: LogEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    chunk.push(entry);
    bytes += entry.record.byteLength;
    if (bytes < COPY_BYTES) continue;
    yield chunk;
    chunk = [];
    bytes = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/**
 * The copy takes the log's place. Between the renames there is no log, and until the new watermark is written the old one does not fit: a
 * crash there is a clear refusal at the next start.
 */
function replaceDatabase(path: string, copyPath: string): string {
  const savedPath = freePath(`${path}.before-repair`);
  // A write-ahead log beside a database that is not its own would be taken for it.
  if (existsSync(`${path}-wal`)) renameSync(`${path}-wal`, `${savedPath}-wal`);
  rmSync(`${path}-shm`, { force: true });
  renameSync(path, savedPath);
  renameSync(copyPath, path);
  syncFolder(path);
  return savedPath;
}

function freePath(wanted: string): string {
  for (let number = 1; ; number++) {
    const path = number === 1 ? wanted : `${wanted}-${number}`;
    if (!existsSync(path) && !existsSync(`${path}-wal`)) return path;
  }
}

function writeWatermark(path: string, { logId, epoch, endIndex, endDigest }: LogStore): void {
  rmSync(watermarkPath(path), { force: true });
  const watermark = new Watermark(path);
  try {
    watermark.write({ logId, epoch, endIndex, digest: endDigest });
    watermark.sync();
    syncFolder(path);
  } finally {
    watermark.close();
  }
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
}

function notThere(path: string, lastIndex: number, startIndex: number, endIndex: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.invalidArgument,
    `entry ${lastIndex} cannot be the last of the order log ${path}: it has the entries ${startIndex} to ${endIndex - 1}`,
  );
}
