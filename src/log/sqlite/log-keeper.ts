import { DepthcastError, ErrorCode } from "../../errors.ts";
import { slotBytes, type RecordGroup } from "../record-group.ts";
import { type Digest, digestText, sameDigest } from "./chain.ts";
import { diskError } from "./disk-error.ts";
import { FileLock } from "./file-lock.ts";
import { checkLog, isBegun } from "./log-check.ts";
import { newMeta } from "./log-meta.ts";
import { LogStore } from "./log-store.ts";
import { readWatermark, syncFolder, Watermark } from "./watermark.ts";
import { logIsGone } from "./watermark-check.ts";

/** The least time between two attempts to write where the last has failed. */
const ATTEMPT_INTERVAL_MS = 100;
/** The same for checkpoints, which nobody waits for. */
const CHECKPOINT_RETRY_MS = 1000;
/** What has to fit on the disk before it is believed to have room again. */
const PROBE_BYTES_MIN = 64 * 1024;
const PROBE_BYTES_MAX = 8 * 1024 * 1024;

export interface LogKeeperOptions {
  /** Of the database; the other files are beside it. */
  readonly path: string;
  /** Bytes that the entries may take; beyond, nothing is taken until truncation has freed some. */
  readonly bytesMax: number;
  readonly nowMs: () => number;
  /** Of the log where it is new. */
  readonly epoch: bigint;
}

/** What was acknowledged, or may be. */
interface Acknowledged {
  readonly endIndex: number;
  readonly digest: Digest;
}

/**
 * Keeps a log's files: lock, database and watermark, and goes on by itself after faults of the disk. Synchronous; one thread.
 *
 * After an error in a commit it is not known what of it is on the disk, so the database is closed, and before the next attempt opened anew:
 * what was acknowledged must be there, and what is there beyond is taken back, as it was reported not to be.
 */
export class LogKeeper {
  readonly #options: LogKeeperOptions;
  readonly #lock: FileLock;
  readonly #watermark: Watermark;
  /** The newest one; closed after a fault. */
  #store: LogStore;
  #acknowledged: Acknowledged;
  #bytes: number;
  /** Why the store is closed. */
  #broken: DepthcastError | undefined;
  #full: DepthcastError | undefined;
  #checkpointFault: DepthcastError | undefined;
  #nextAttemptMs = 0;
  #nextCheckpointMs = 0;
  #refusedBytes = 0;

  /**
   * @throws DepthcastError `failed_precondition` where another has the log or what was acknowledged is not in it, `internal` where it is
   *   damaged, `unavailable` or `resource_exhausted` for a fault of the disk. Nothing is held or changed then.
   */
  constructor(options: LogKeeperOptions) {
    const { path, epoch } = options;
    this.#options = options;
    this.#lock = new FileLock(path);
    let store: LogStore | undefined;
    let watermark: Watermark | undefined;
    try {
      const found = readWatermark(path);
      if (isBegun(path)) checkLog(path, found);
      else if (found !== undefined && found.endIndex > 0) throw logIsGone(path, found);
      store = new LogStore(path, newMeta(epoch));
      store.settle();
      watermark = new Watermark(path);
      this.#store = store;
      this.#watermark = watermark;
      // What was committed and not acknowledged is so from now on: it will be delivered.
      this.#acknowledged = this.#acknowledge();
      this.#bytes = store.bytes;
      watermark.sync();
      syncFolder(path);
    } catch (thrown) {
      watermark?.close();
      store?.abandon();
      this.#lock.release();
      throw diskError(thrown, "open", path);
    }
  }

  get epoch(): bigint {
    return this.#store.epoch;
  }
  get startIndex(): number {
    return this.#store.startIndex;
  }
  /** One past the last entry that may be delivered. */
  get endIndex(): number {
    return this.#acknowledged.endIndex;
  }
  /** Bytes that the entries take, as last known. */
  get bytes(): number {
    return this.#bytes;
  }
  /** Why nothing is taken for the time being; undefined = something may be. */
  get fault(): string | undefined {
    return (this.#broken ?? this.#full ?? this.#checkpointFault)?.message;
  }

  /**
   * Adds all or nothing; what it has added is durable.
   *
   * @throws DepthcastError `unavailable` or `resource_exhausted`: it is not in the log, and will not be.
   */
  append(groups: readonly RecordGroup[]): void {
    const bytes = bytesOf(groups);
    this.#attempt(bytes, (store) => {
      if (this.#bytes + bytes > this.#options.bytesMax) {
        this.#refusedBytes = bytes;
        this.#full = this.#tooLarge();
        throw this.#full;
      }
      store.append(groups);
      this.#acknowledged = this.#acknowledge();
    });
    this.#full = undefined;
  }

  /** Entries from `fromIndex` on, not beyond `endIndex`. @throws DepthcastError `internal` where one is damaged. */
  read(fromIndex: number, endIndex: number, bytesMax: number): RecordGroup {
    return this.#readable().read(fromIndex, endIndex, bytesMax);
  }

  /** The digest before an entry that is kept, or before the end, as text. @throws DepthcastError `not_found`. */
  digestAt(index: number): string {
    const digest = this.#readable().digestAt(index);
    if (digest !== undefined) return digestText(digest);
    throw new DepthcastError(ErrorCode.notFound, `the order log has no entry ${index}`);
  }

  /** Forgets entries before `beforeIndex`, at most `rowsMax`; true when all are forgotten. @throws as `append`. */
  truncate(beforeIndex: number, rowsMax: number): boolean {
    return this.#attempt(0, (store) => store.truncate(beforeIndex, rowsMax));
  }

  /** Looks whether the cause of a fault is gone, so that it is also noticed where nobody sends anything. */
  probe(): void {
    try {
      if (this.#broken !== undefined) {
        const bytes = Math.min(Math.max(this.#refusedBytes, PROBE_BYTES_MIN), PROBE_BYTES_MAX);
        this.#attempt(bytes, (store) => store.probe(bytes));
      } else if (this.#bytes + this.#refusedBytes <= this.#options.bytesMax) {
        this.#full = undefined;
      }
      if (this.#checkpointFault !== undefined) this.checkpointIfDue(true);
    } catch (thrown) {
      if (!(thrown instanceof DepthcastError)) throw thrown;
    }
  }

  /** Carries the write-ahead log over where there is enough of it. What goes wrong shows in `fault`, and is tried again. */
  checkpointIfDue(isIdle: boolean): void {
    const nowMs = this.#options.nowMs();
    if (this.#broken !== undefined || nowMs < this.#nextCheckpointMs) return;
    try {
      if (this.#checkpointFault === undefined && !this.#store.isCheckpointDue(isIdle)) return;
      this.#store.checkpoint();
      this.#watermark.sync();
      this.#checkpointFault = undefined;
    } catch (thrown) {
      this.#checkpointFault = this.#asFault(thrown, "checkpoint");
      this.#nextCheckpointMs = nowMs + CHECKPOINT_RETRY_MS;
    }
  }

  /**
   * Closes the files and lets go of the lock. What a disk with a fault does not let it carry over stays in the write-ahead log, and is
   * found there at the next start.
   */
  close(): void {
    try {
      if (this.#broken === undefined) this.#store.close();
      this.#watermark.sync();
    } catch (thrown) {
      this.#asFault(thrown, "close");
    } finally {
      this.#watermark.close();
      this.#lock.release();
    }
  }

  /** Before anything of it is acknowledged or delivered. */
  #acknowledge(): Acknowledged {
    const { logId, epoch, endIndex, endDigest } = this.#store;
    this.#watermark.write({ logId, epoch, endIndex, digest: endDigest });
    return { endIndex, digest: endDigest };
  }

  /** Does something that writes; after a fault no sooner than some time after the last attempt. */
  #attempt<Result>(bytes: number, action: (store: LogStore) => Result): Result {
    const store = this.#readable();
    try {
      const result = action(store);
      this.#bytes = store.bytes;
      this.#broken = undefined;
      return result;
    } catch (thrown) {
      if (thrown === this.#full) throw thrown;
      store.abandon();
      this.#refusedBytes = bytes;
      throw this.#breakOff(thrown);
    }
  }

  /** The store, opened anew after a fault. */
  #readable(): LogStore {
    if (this.#broken === undefined || this.#store.isOpen) return this.#store;
    if (this.#options.nowMs() < this.#nextAttemptMs) throw this.#broken;
    let store: LogStore | undefined;
    try {
      store = new LogStore(this.#options.path, newMeta(this.#store.epoch));
      this.#backToAcknowledged(store);
      this.#store = store;
      return store;
    } catch (thrown) {
      store?.abandon();
      throw this.#breakOff(thrown);
    }
  }

  #backToAcknowledged(store: LogStore): void {
    const { endIndex, digest } = this.#acknowledged;
    const there = store.digestAt(endIndex);
    if (store.logId !== this.#store.logId || there === undefined || !sameDigest(there, digest)) {
      throw new DepthcastError(
        ErrorCode.unavailable,
        `the order log ${store.path} has lost acknowledged entries while it was in use: stop the server and look at its disk`,
        { reason: "LOG_SHORTENED" },
      );
    }
    if (store.endIndex > endIndex) store.takeBack(endIndex);
    store.settle();
  }

  #breakOff(thrown: unknown): DepthcastError {
    this.#broken = this.#asFault(thrown, "write");
    this.#nextAttemptMs = this.#options.nowMs() + ATTEMPT_INTERVAL_MS;
    return this.#broken;
  }

  /** @throws what is no fault of the disk: a mistake of ours, with which nothing must go on. */
  #asFault(thrown: unknown, doing: string): DepthcastError {
    const error = diskError(thrown, doing, this.#options.path);
    if (error instanceof DepthcastError) return error;
    throw error;
  }

  #tooLarge(): DepthcastError {
    const { path, bytesMax } = this.#options;
    return new DepthcastError(
      ErrorCode.resourceExhausted,
      `the order log ${path} holds ${this.#bytes} bytes, and logMaxBytes is ${bytesMax}: nothing is taken until a book ` +
        "snapshot has let go of older entries; raise logMaxBytes (--log-max-bytes) or see in the server's log why none is written",
      { reason: "LOG_MAX_BYTES", metadata: { limit: String(bytesMax) } },
    );
  }
}

function bytesOf(groups: readonly RecordGroup[]): number {
  let bytes = 0;
  for (const { lengths } of groups) for (const length of lengths) bytes += slotBytes(length);
  return bytes;
}
