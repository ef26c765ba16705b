import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock, Timer } from "../clock.ts";
import type { Sequencer } from "../engine/sequencer.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { OrderLog } from "../log/order-log.ts";
import { whyUnfit } from "../log/snapshot/fit-snapshot.ts";
import type { BookSnapshot } from "../log/snapshot/snapshot.ts";
import type { SnapshotFile, SnapshotFolder } from "../log/snapshot/snapshot-folder.ts";
import type { Logger } from "../observability/logger.ts";
import type { SnapshotMetrics } from "../observability/snapshot-metrics.ts";

/** After one that failed, unless the next is due sooner. */
const RETRY_MS = 30_000;

export interface SnapshotTakerOptions {
  readonly folder: SnapshotFolder;
  readonly log: OrderLog;
  readonly sequencer: Pick<Sequencer, "nextIndex" | "head" | "exportBook">;
  readonly limits: Pick<
    Limits,
    "snapshotEveryBatches" | "snapshotEverySeconds" | "snapshotsKept" | "logMaxBytes"
  >;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SnapshotMetrics;
}

/**
 * Takes book snapshots while ingest goes on, which waits for the copy of one book at most, and shortens the log behind them.
 * One at a time; one that fails is a warning, and is tried again. On the thread of the sequencer.
 */
export class SnapshotTaker {
  readonly #options: SnapshotTakerOptions;
  readonly #abort = new AbortController();
  /** Newest first, at most `snapshotsKept`. */
  #kept: readonly SnapshotFile[] = [];
  /** Where the newest stands, and the bytes of the log once it was taken. */
  #newestIndex = 0;
  #newestLogBytes = 0;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** The last one failed, and its time has not come. */
  #isHeldOff = false;

  constructor(options: SnapshotTakerOptions) {
    this.#options = options;
  }

  /** Begins, with the snapshots that are there, newest first. */
  start(kept: readonly SnapshotFile[]): void {
    this.#kept = kept.slice(0, this.#options.limits.snapshotsKept);
    this.#newestIndex = kept[0]?.logIndex ?? this.#options.log.startIndex;
    this.#setTimer();
    this.consumed();
  }

  /** The sequencer has taken entries. Called between its turns. */
  consumed(): void {
    if (this.#running === undefined && !this.#isHeldOff && this.#isDue()) this.#run();
  }

  /** Ends what is under way, which leaves nothing, and begins nothing more. */
  async stop(): Promise<void> {
    this.#abort.abort(new Error("the server stops"));
    this.#timer?.cancel();
    await this.#running;
  }

  #isDue(): boolean {
    const { sequencer, log, limits } = this.#options;
    const entries = sequencer.nextIndex - this.#newestIndex;
    if (entries === 0) return false;
    if (entries >= limits.snapshotEveryBatches) return true;
    // All that are kept, with the log from the oldest on, are to stay within half of what the log may have.
    const halfMax = limits.logMaxBytes / 2;
    return log.bytes - this.#newestLogBytes >= halfMax / limits.snapshotsKept || log.bytes > halfMax;
  }

  #setTimer(): void {
    const everyMs = this.#options.limits.snapshotEverySeconds * 1000;
    const delayMs = this.#isHeldOff ? Math.min(RETRY_MS, everyMs) : everyMs;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(delayMs, () => {
      this.#isHeldOff = false;
      if (this.#running === undefined) this.#run();
    });
  }

  #run(): void {
    if (this.#abort.signal.aborted) return;
    this.#running = this.#takeAndShorten().finally(() => {
      this.#running = undefined;
      if (this.#abort.signal.aborted) return;
      this.#setTimer();
      // What came meanwhile may be enough for the next.
      this.consumed();
    });
  }

  async #takeAndShorten(): Promise<void> {
    const { logger, metrics, sequencer } = this.#options;
    try {
      if (sequencer.nextIndex > this.#newestIndex) await this.#take();
      await this.#shorten();
    } catch (thrown) {
      if (this.#abort.signal.aborted) return;
      this.#isHeldOff = true;
      metrics.failed();
      logger.warn(
        { err: thrown },
        "a book snapshot could not be taken, or the log not be shortened: trying again later",
      );
    }
  }

  async #take(): Promise<void> {
    const { folder, log, sequencer, clock, logger, metrics } = this.#options;
    const startedMs = clock.nowMs();
    const head = sequencer.head();
    const { file, bytes } = await folder.write(
      { head, books: this.#books(head.instruments), log },
      this.#abort.signal,
    );
    this.#kept = [file, ...this.#kept].slice(0, this.#options.limits.snapshotsKept);
    this.#newestIndex = head.logIndex;
    const seconds = (clock.nowMs() - startedMs) / 1000;
    metrics.taken(seconds, bytes);
    logger.info({ snapshot: file.path, bytes, seconds }, "book snapshot taken");
  }

  async *#books(instruments: number): AsyncIterable<BookSnapshot> {
    for (let instrument = 1; instrument <= instruments; instrument++) {
      this.#abort.signal.throwIfAborted();
      yield await this.#options.sequencer.exportBook(instrument);
      await nextTurn();
    }
  }

  /** Takes away what no snapshot that is kept needs. */
  async #shorten(): Promise<void> {
    const { log, limits, logger } = this.#options;
    // With fewer than that, the log itself is what a damaged one falls back to.
    const oldest = this.#kept[limits.snapshotsKept - 1];
    if (oldest !== undefined) await this.#shortenTo(oldest);
    const newest = this.#kept[0];
    if (log.bytes > limits.logMaxBytes / 2 && newest !== undefined && newest.logIndex > log.startIndex) {
      // Better nothing to fall back to than no ingest; but then what is left has to be good.
      const reason = await whyUnfit(newest, log);
      if (reason !== undefined) throw new DepthcastError(ErrorCode.internal, reason);
      logger.warn(
        { logBytes: log.bytes, logMaxBytes: limits.logMaxBytes },
        "the order log is large: only the newest snapshot is kept",
      );
      this.#kept = [newest];
      await this.#shortenTo(newest);
    }
    this.#newestLogBytes = log.bytes;
  }

  async #shortenTo({ logIndex }: SnapshotFile): Promise<void> {
    const { folder, log } = this.#options;
    if (logIndex <= log.startIndex) return;
    await folder.removeBelow(logIndex);
    await log.truncate(logIndex);
  }
}
