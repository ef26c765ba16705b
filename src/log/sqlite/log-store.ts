import type { DatabaseSync, StatementSync } from "node:sqlite";
import { DepthcastError, ErrorCode, invariant } from "../../errors.ts";
import { LINK_BYTES, type RecordGroup, slotBytes } from "../record-group.ts";
import { type Digest, linkedDigest } from "./chain.ts";
import { diskError } from "./disk-error.ts";
import { EntryReader } from "./entry-reader.ts";
import { openLogDatabase, pragma } from "./log-database.ts";
import { type LogMeta, readMeta, writeMeta } from "./log-meta.ts";

/** Bytes of the write-ahead log from which a checkpoint is due when there is nothing else to do, and however busy it is. */
const CHECKPOINT_IDLE_BYTES = 4 * 1024 * 1024;
const CHECKPOINT_BYTES = 16 * 1024 * 1024;

/** The log's database: rows and what it says of itself. Synchronous; one thread. What it throws names the file. */
export class LogStore {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #entries: EntryReader;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #pageCount: StatementSync;
  readonly #freeCount: StatementSync;
  readonly #walFrames: StatementSync;
  readonly #pageBytes: number;
  #meta: LogMeta;
  #endIndex: number;
  #endDigest: Digest;

  /**
   * @param whereNew what it says of itself where it is new
   * @throws DepthcastError `internal` where it is damaged, `failed_precondition` where it is no log, and as `diskError`.
   */
  constructor(path: string, whereNew: LogMeta) {
    this.path = path;
    this.#database = this.#ask("open", () => openLogDatabase(path));
    try {
      const database = this.#database;
      this.#pageBytes = pragma(database, "page_size");
      this.#begin = database.prepare("BEGIN IMMEDIATE");
      this.#commit = database.prepare("COMMIT");
      this.#insert = database.prepare("INSERT INTO log (log_index, record, digest) VALUES (?, ?, ?)");
      this.#pageCount = database.prepare("PRAGMA page_count");
      this.#freeCount = database.prepare("PRAGMA freelist_count");
      this.#walFrames = database.prepare("PRAGMA wal_checkpoint(NOOP)");
      this.#meta = this.#ask("read", () => readMeta(database, path)) ?? this.#create(whereNew);
      this.#entries = new EntryReader(database, path, () => this.#meta);
      const { endIndex, endDigest } = this.#ask("read", () => this.#entries.end());
      this.#endIndex = endIndex;
      this.#endDigest = endDigest;
    } catch (thrown) {
      this.#database.close();
      throw diskError(thrown, "open", path);
    }
  }

  get isOpen(): boolean {
    return this.#database.isOpen;
  }
  get logId(): string {
    return this.#meta.logId;
  }
  get epoch(): bigint {
    return this.#meta.epoch;
  }
  get startIndex(): number {
    return this.#meta.startIndex;
  }
  get endIndex(): number {
    return this.#endIndex;
  }
  /** The digest before `endIndex`. */
  get endDigest(): Digest {
    return this.#endDigest;
  }

  /** Bytes of the file that hold something; what truncation has freed is used again. Without the write-ahead log. */
  get bytes(): number {
    const [pages = 0] = Object.values(this.#pageCount.get() ?? {});
    const [free = 0] = Object.values(this.#freeCount.get() ?? {});
    return (Number(pages) - Number(free)) * this.#pageBytes;
  }

  /** Adds all in one transaction; they are durable when it returns, and after an error it is not known whether they are. */
  append(groups: readonly RecordGroup[]): void {
    let index = this.#endIndex;
    let digest = this.#endDigest;
    this.#transaction("write", () => {
      for (const { buffer, lengths } of groups) {
        let at = 0;
        for (const length of lengths) {
          const slot = new Uint8Array(buffer, at, LINK_BYTES + length);
          digest = linkedDigest(slot, index, digest);
          this.#insert.run(index, slot.subarray(LINK_BYTES), digest);
          index += 1;
          at += slotBytes(length);
        }
      }
    });
    this.#endIndex = index;
    this.#endDigest = digest;
  }

  /** Entries from `fromIndex` on, not beyond `endIndex`: about `bytesMax`, at least one. Each is checked against the chain. */
  read(fromIndex: number, endIndex: number, bytesMax: number): RecordGroup {
    invariant(endIndex <= this.#endIndex, "what is not there is not read");
    return this.#ask("read", () => this.#entries.read(fromIndex, endIndex, bytesMax));
  }

  /** The digest before `index`, which is kept or the end; undefined where it is neither. */
  digestAt(index: number): Digest | undefined {
    if (index === this.#endIndex) return this.#endDigest;
    if (index < this.startIndex || index > this.#endIndex) return undefined;
    return this.#ask("read", () => this.#entries.digestAt(index));
  }

  /** Forgets entries before `beforeIndex`, at most `rowsMax` of them; true when it has forgotten all. */
  truncate(beforeIndex: number, rowsMax: number): boolean {
    const startIndex = Math.min(beforeIndex, this.#endIndex, this.startIndex + rowsMax);
    const startDigest = this.digestAt(startIndex);
    if (startIndex <= this.startIndex || startDigest === undefined) return true;
    this.#changeMeta({ ...this.#meta, startIndex, startDigest }, "log_index < ?", startIndex);
    return startIndex >= Math.min(beforeIndex, this.#endIndex);
  }

  /** Takes back entries from `index` on, which were acknowledged to nobody. */
  takeBack(index: number): void {
    const digest = this.digestAt(index);
    invariant(digest !== undefined, "what is taken back is there");
    this.#changeMeta(this.#meta, "log_index >= ?", index);
    this.#endIndex = index;
    this.#endDigest = digest;
  }

  setEpoch(epoch: bigint): void {
    this.#changeMeta({ ...this.#meta, epoch }, "log_index < ?", 0);
  }

  /** Writes something of this size and takes it away again, to see whether it can be written. */
  probe(byteLength: number): void {
    const run = (sql: string, ...values: number[]) => this.#database.prepare(sql).run(...values);
    this.#transaction("write", () => run("INSERT INTO probe (content) VALUES (zeroblob(?))", byteLength));
    this.#transaction("write", () => run("DELETE FROM probe"));
  }

  /** Whether the write-ahead log should be carried over into the database. */
  isCheckpointDue(isIdle: boolean): boolean {
    const { log = 0, checkpointed = 0 } = this.#walFrames.get() ?? {};
    const bytes = (Number(log) - Number(checkpointed)) * this.#pageBytes;
    return bytes >= (isIdle ? CHECKPOINT_IDLE_BYTES : CHECKPOINT_BYTES);
  }

  checkpoint(): void {
    this.#ask("checkpoint", () => this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)"));
  }

  /**
   * Carries all over and empties the write-ahead log. To be done before anything is added to one that an earlier opening has left: what of
   * it was never synced, because a sync failed or the process died, may be read from the system's memory and yet not be on the disk, now
   * or ever; what is written behind it could not be recovered after a power cut.
   *
   * @throws DepthcastError `unavailable` where another program keeps it from that.
   */
  settle(): void {
    const { busy } =
      this.#ask("checkpoint", () => this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get()) ?? {};
    if (busy === 0) return;
    throw new DepthcastError(
      ErrorCode.unavailable,
      `cannot checkpoint the order log ${this.path}: another program reads in it; end that`,
      { reason: "LOG_BUSY" },
    );
  }

  /** Empties the write-ahead log where nobody reads, and closes the files. */
  close(): void {
    try {
      if (this.#database.isOpen) this.settle();
    } finally {
      this.abandon();
    }
  }

  /** Closes the files, whatever state they are in. */
  abandon(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #create(meta: LogMeta): LogMeta {
    this.#transaction("create", () => writeMeta(this.#database, meta));
    return meta;
  }

  #changeMeta(meta: LogMeta, rowsToDelete: string, index: number): void {
    this.#transaction("write", () => {
      this.#database.prepare(`DELETE FROM log WHERE ${rowsToDelete}`).run(index);
      writeMeta(this.#database, meta);
    });
    this.#meta = meta;
  }

  #transaction(doing: string, body: () => void): void {
    this.#ask(doing, () => {
      this.#begin.run();
      try {
        body();
        this.#commit.run();
      } catch (thrown) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw thrown;
      }
    });
  }

  #ask<Result>(doing: string, action: () => Result): Result {
    try {
      return action();
    } catch (thrown) {
      throw diskError(thrown, doing, this.path);
    }
  }
}
