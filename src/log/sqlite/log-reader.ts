import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { invariant } from "../../errors.ts";
import type { LogEntry } from "../order-log.ts";
import { unpackRecords } from "../record-group.ts";
import type { Digest } from "./chain.ts";
import { diskError } from "./disk-error.ts";
import { EntryReader } from "./entry-reader.ts";
import { BUSY_TIMEOUT_MS, checkIsLog, pragma } from "./log-database.ts";
import { damagedLog } from "./log-damage.ts";
import { type LogMeta, readMeta } from "./log-meta.ts";

const READ_BYTES = 1024 * 1024;

/**
 * Reads a log's file and changes nothing, beside a server that has it open or not. Transactions are short, so that the server's
 * write-ahead log does not grow by it.
 */
export class LogReader {
  readonly path: string;
  readonly schemaVersion: number;
  readonly #database: DatabaseSync;
  readonly #entries: EntryReader;
  #meta: LogMeta;

  /** @throws DepthcastError `failed_precondition` where it is no log, `internal` where it cannot be made out, and as `diskError`. */
  constructor(path: string) {
    this.path = path;
    const database = this.#ask(() => openReadOnly(path));
    this.#database = database;
    try {
      this.schemaVersion = pragma(database, "user_version");
      this.#meta = this.#readMeta();
      this.#entries = new EntryReader(database, path, () => this.#meta);
    } catch (thrown) {
      database.close();
      throw diskError(thrown, "read", path);
    }
  }

  get meta(): LogMeta {
    return this.#meta;
  }

  /** Bytes of the database, with what is free in it. */
  get bytes(): number {
    return this.#ask(() => pragma(this.#database, "page_count") * pragma(this.#database, "page_size"));
  }

  /** One past the last entry; neither it nor those before it have been looked at. */
  get endIndex(): number {
    return this.#ask(() => this.#entries.lastIndex() + 1);
  }

  /** @throws DepthcastError `internal` where pages of the file do not fit together. */
  checkStructure(): void {
    const problem = this.#ask(() => this.#database.prepare("PRAGMA quick_check(1)").get());
    const text = String(problem?.["quick_check"]);
    if (text !== "ok") throw damagedLog(this.path, text.replaceAll("\n", " "));
  }

  /** @throws DepthcastError `internal` where the first or the last entry is damaged. */
  checkEnds(): void {
    this.#ask(() => this.#entries.end());
  }

  /** The digest before an entry, as it is written. */
  digestAt(index: number): Digest {
    return this.#ask(() => this.#entries.digestAt(index));
  }

  /**
   * Entries from `fromIndex` on, before `endIndex`, each checked against the chain.
   *
   * @throws DepthcastError `internal` at the first that is damaged.
   */
  *read(fromIndex: number, endIndex: number): Iterable<LogEntry> {
    for (let index = fromIndex; index < endIndex; ) {
      // The server may have forgotten some meanwhile.
      this.#meta = this.#readMeta();
      const group = this.#ask(() => this.#entries.read(index, endIndex, READ_BYTES));
      invariant(group.lengths.length > 0, "a read makes progress");
      yield* unpackRecords(group, index);
      index += group.lengths.length;
    }
  }

  close(): void {
    this.#database.close();
  }

  #readMeta(): LogMeta {
    const meta = this.#ask(() => readMeta(this.#database, this.path));
    if (meta === undefined) throw damagedLog(this.path, "its description of itself is missing");
    return meta;
  }

  #ask<Result>(action: () => Result): Result {
    try {
      return action();
    } catch (thrown) {
      throw diskError(thrown, "read", this.path);
    }
  }
}

function openReadOnly(path: string): DatabaseSync {
  // On a disk that cannot be written SQLite could not coordinate with writers: there are none, unless a write-ahead log says otherwise.
  const isAlone = existsSync(path) && !existsSync(`${path}-wal`);
  try {
    return openChecked(path, path);
  } catch (thrown) {
    if (!isAlone || !isCannotOpen(thrown)) throw thrown;
    const url = pathToFileURL(path);
    url.searchParams.set("immutable", "1");
    return openChecked(url, path);
  }
}

function openChecked(location: string | URL, path: string): DatabaseSync {
  const database = new DatabaseSync(location, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  try {
    checkIsLog(database, path);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

function isCannotOpen(thrown: unknown): boolean {
  const cannotOpen = 14;
  const readOnly = 8;
  const { errcode = 0 } = thrown as { readonly errcode?: number };
  return [cannotOpen, readOnly].includes(errcode & 0xff);
}
