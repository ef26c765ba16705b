import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { DepthcastError, ErrorCode, type ErrorDetails } from "../../errors.ts";

/** SQLite's primary result codes that a disk or another program can cause. */
const SqliteCode = {
  busy: 5,
  locked: 6,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/** Whether another holds the lock that was wanted. */
export function isBusy(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return code === SqliteCode.busy || code === SqliteCode.locked;
}

/** Whether the file's content is not what it must be, as opposed to not being readable just now. */
export function isDamage(thrown: unknown): boolean {
  const code = sqliteCode(thrown);
  return code === SqliteCode.corrupt || code === SqliteCode.notADatabase || isNoNumberOfOurs(thrown);
}

/** A number in the file is larger than any that was written. */
function isNoNumberOfOurs(thrown: unknown): boolean {
  return (thrown as NodeJS.ErrnoException).code === "ERR_OUT_OF_RANGE";
}

/**
 * What went wrong at a file, in words that name it, the cause and what to do. A full disk is `resource_exhausted`, all else
 * `unavailable`; what is neither SQLite's nor the operating system's stays as it is.
 *
 * @param doing what was tried, such as "write"
 */
export function diskError(thrown: unknown, doing: string, path: string): unknown {
  if (thrown instanceof DepthcastError) return thrown;
  const found = sqliteCause(thrown) ?? systemCause(thrown);
  if (found === undefined) return thrown;
  // SQLite calls it an I/O error where it is the shared memory beside the log that finds no room (SQLITE_IOERR_SHMSIZE).
  const cause = found.reason === IO_ERROR && isFull(path) ? diskFull : found;
  const { code = ErrorCode.unavailable, reason, why } = cause;
  const details: ErrorDetails = { reason };
  return new DepthcastError(code, `cannot ${doing} the order log ${path}: ${why}`, details, {
    cause: thrown,
  });
}

interface Cause {
  readonly code?: ErrorCode;
  readonly reason: string;
  readonly why: string;
}

const IO_ERROR = "LOG_IO_ERROR";
/** What the shared memory grows by. */
const ROOM_BYTES = 32 * 1024;

const diskFull: Cause = {
  code: ErrorCode.resourceExhausted,
  reason: "LOG_DISK_FULL",
  why: "the disk is full; free space on it",
};

/** The primary result code of what `node:sqlite` threw; undefined = it is of something else. */
function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return undefined;
  return (thrown.errcode as number) & 0xff;
}

function sqliteCause(thrown: unknown): Cause | undefined {
  switch (sqliteCode(thrown)) {
    case undefined:
      return undefined;
    case SqliteCode.full:
      return diskFull;
    case SqliteCode.readOnly:
      return {
        reason: "LOG_READ_ONLY",
        why: "it is read-only; make the file, its folder and the disk writable",
      };
    case SqliteCode.cannotOpen:
      return {
        reason: "LOG_CANNOT_OPEN",
        why: "the file cannot be opened; see that its folder is there and may be written",
      };
    case SqliteCode.corrupt:
    case SqliteCode.notADatabase:
      return { reason: "LOG_DAMAGED", why: `the file is damaged, or no order log (${detail(thrown)})` };
    case SqliteCode.busy:
    case SqliteCode.locked:
      return { reason: "LOG_BUSY", why: "another program has it locked" };
    default:
      return { reason: IO_ERROR, why: `${detail(thrown)}; see to the disk` };
  }
}

function isFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < ROOM_BYTES;
  } catch {
    return false;
  }
}

function systemCause(thrown: unknown): Cause | undefined {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (isNoNumberOfOurs(thrown)) return { reason: "LOG_DAMAGED", why: `the file is damaged (${message})` };
  if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) return undefined;
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull;
  return { reason: IO_ERROR, why: `${message}; see to the disk` };
}

function detail(thrown: unknown): string {
  const { message, errcode } = thrown as Error & { readonly errcode?: number };
  return `${message}, SQLite code ${errcode}`;
}
