import type { Clock, Timer } from "../clock.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import { Delivery, turnOf } from "./delivery.ts";
import type { LogConsumer, LogEntry, LogObserver, LogSubscription, OrderLog } from "./order-log.ts";
import { ReadAheadEntries } from "./read-ahead-entries.ts";
import type { LogWriter, WriterEvents } from "./log-writer.ts";
import { packRecords } from "./record-group.ts";
import { WaitingRecords } from "./waiting-records.ts";

/** Bytes of entries kept for a subscriber that lags; what is older it reads back. */
const RECENT_BYTES_MAX = 64 * 1024 * 1024;
/** A commit that takes longer than this is told as a fault, though nothing is refused for it. */
const SLOW_COMMIT_MS = 5000;
const SLOW_CHECK_MS = 1000;

export interface DurableLogOptions {
  readonly writer: LogWriter;
  readonly clock: Clock;
  readonly epoch: bigint;
  readonly startIndex: number;
  readonly endIndex: number;
  readonly bytes: number;
  readonly fault: string | undefined;
}

/**
 * This thread's end of a log that is written on another. What is appended in one turn goes over as one message; while the writer commits,
 * the next ones gather there. Records are kept until they are delivered, so that they need not be read back.
 */
export class DurableLog implements OrderLog, WriterEvents {
  readonly epoch: bigint;
  readonly #writer: LogWriter;
  readonly #clock: Clock;
  readonly #subscriptions = new Set<Delivery>();
  readonly #underWay = new WaitingRecords();
  /** Appended in this turn, also in `#underWay`. */
  #outgoing: ArrayBuffer[] = [];
  /** Durable, and not yet consumed by every subscriber; the newest entry is the last. */
  #recent: LogEntry[] = [];
  #recentBytes = 0;
  #startIndex: number;
  #endIndex: number;
  #bytes: number;
  #fault: string | undefined;
  #refusals = 0;
  #observer: LogObserver | undefined;
  #closing: Promise<void> | undefined;
  #failure: DepthcastError | undefined;
  #onQuiet: (() => void)[] = [];
  #slowCheck: Timer | undefined;
  /** When the writer last took something off what is under way, or was given something after a pause. */
  #progressMs = 0;
  #isSlow = false;

  constructor(options: DurableLogOptions) {
    this.#writer = options.writer;
    this.#clock = options.clock;
    this.epoch = options.epoch;
    this.#startIndex = options.startIndex;
    this.#endIndex = options.endIndex;
    this.#bytes = options.bytes;
    this.#fault = options.fault;
  }

  get startIndex(): number {
    return this.#startIndex;
  }
  get endIndex(): number {
    return this.#endIndex;
  }
  get bytes(): number {
    return this.#bytes;
  }
  get fault(): string | undefined {
    return this.#failure?.message ?? this.#fault ?? (this.#isSlow ? SLOW : undefined);
  }

  append(record: ArrayBuffer): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closing !== undefined) {
      return Promise.reject(new DepthcastError(ErrorCode.unavailable, "the order log is closed"));
    }
    if (this.#outgoing.length === 0) this.#clock.defer(() => this.#send());
    this.#outgoing.push(record);
    return new Promise((resolve, reject) => this.#underWay.push({ record, resolve, reject }));
  }

  async *read(fromIndex: number): AsyncIterable<LogEntry> {
    const endIndex = this.#endIndex;
    const reader = this.#reader();
    for (let index = fromIndex; index < endIndex; ) {
      if (index < this.#startIndex) throw notKept(index, this.#startIndex);
      const entries = await reader.take(index, endIndex);
      yield* entries;
      index += entries.length;
    }
  }

  subscribe(fromIndex: number, consumer: LogConsumer): LogSubscription {
    invariant(fromIndex >= this.#startIndex, "a subscription starts at an entry that is kept");
    const reader = this.#reader();
    const delivery = new Delivery(fromIndex, consumer, {
      defer: (task) => this.#clock.defer(task),
      take: (index) => this.#take(index, reader),
      consumed: () => this.#forgetConsumed(),
      failed: (thrown) => this.failed(DepthcastError.from(thrown)),
    });
    this.#subscriptions.add(delivery);
    delivery.schedule();
    return {
      cancel: () => {
        delivery.cancel();
        this.#subscriptions.delete(delivery);
        this.#forgetConsumed();
      },
    };
  }

  observe(observer: LogObserver): void {
    this.#observer = observer;
  }

  digestAt(index: number): Promise<string> {
    return this.#writer.digestAt(index);
  }

  async truncate(beforeIndex: number): Promise<void> {
    for (const { nextIndex } of this.#subscriptions) {
      invariant(nextIndex >= beforeIndex, "nothing is truncated that a subscriber has not consumed");
    }
    const startIndex = Math.min(beforeIndex, this.#endIndex);
    await this.#writer.truncate(startIndex);
    this.#startIndex = Math.max(this.#startIndex, startIndex);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  committed(records: number, bytes: number, seconds: number): void {
    this.#bytes = bytes;
    this.#progressed();
    for (let place = 0; place < records; place++) {
      const { record, resolve } = this.#underWay.shift();
      this.#recent.push({ index: this.#endIndex, record });
      this.#recentBytes += record.byteLength;
      resolve(this.#endIndex);
      this.#endIndex += 1;
    }
    this.#boundRecent();
    for (const delivery of this.#subscriptions) delivery.schedule();
    this.#observer?.committed(records, seconds);
    this.#becameQuiet();
  }

  refused(reason: DepthcastError): void {
    this.#refusals += 1;
    this.#progressed();
    // What has not been sent yet was appended by somebody who did not know either.
    this.#outgoing = [];
    this.#rejectAll(reason);
    this.#becameQuiet();
  }

  faultChanged(fault: string | undefined): void {
    this.#change(() => (this.#fault = fault));
  }

  bytesChanged(bytes: number): void {
    this.#bytes = bytes;
  }

  failed(failure: DepthcastError): void {
    if (this.#failure !== undefined) return;
    this.#change(() => (this.#failure = failure));
    const unknown = new DepthcastError(
      ErrorCode.unavailable,
      `${failure.message}; whether the batch is in the log shows at the next start`,
      failure.details,
    );
    this.#outgoing = [];
    this.#rejectAll(unknown);
    for (const delivery of this.#subscriptions) delivery.cancel();
    this.#subscriptions.clear();
    this.#slowCheck?.cancel();
    this.#becameQuiet();
    this.#observer?.failed(failure);
  }

  async #close(): Promise<void> {
    this.#send();
    if (this.#underWay.length > 0) await new Promise<void>((resolve) => this.#onQuiet.push(resolve));
    await Promise.all([...this.#subscriptions].map((delivery) => delivery.drained(() => this.#endIndex)));
    for (const delivery of this.#subscriptions) delivery.cancel();
    this.#subscriptions.clear();
    this.#slowCheck?.cancel();
    const closed = this.#writer.close();
    // After a failure it may be that there is no writer any more.
    await (this.#failure === undefined ? closed : closed.catch(() => {}));
  }

  #send(): void {
    if (this.#outgoing.length === 0) return;
    const records = this.#outgoing;
    this.#outgoing = [];
    if (this.#slowCheck === undefined) this.#watchProgress();
    this.#writer.append(packRecords(records), this.#refusals);
  }

  #reader(): ReadAheadEntries {
    return new ReadAheadEntries((fromIndex, endIndex) => this.#writer.read(fromIndex, endIndex));
  }

  #take(index: number, reader: ReadAheadEntries): readonly LogEntry[] | Promise<readonly LogEntry[]> {
    const first = index - (this.#endIndex - this.#recent.length);
    if (first >= 0) return turnOf(this.#recent, first);
    return reader.take(index, this.#endIndex - this.#recent.length);
  }

  #forgetConsumed(): void {
    let consumed = this.#endIndex;
    for (const { nextIndex } of this.#subscriptions) consumed = Math.min(consumed, nextIndex);
    const drop = consumed - (this.#endIndex - this.#recent.length);
    // Dropping from the front moves the rest, so it waits until half is to go.
    if (drop > this.#recent.length / 2) this.#dropRecent(drop);
  }

  #boundRecent(): void {
    if (this.#subscriptions.size === 0) this.#dropRecent(this.#recent.length);
    else if (this.#recentBytes > RECENT_BYTES_MAX) this.#dropRecent(Math.ceil(this.#recent.length / 2));
  }

  #dropRecent(count: number): void {
    for (const { record } of this.#recent.slice(0, count)) this.#recentBytes -= record.byteLength;
    this.#recent = this.#recent.slice(count);
  }

  #rejectAll(reason: DepthcastError): void {
    while (this.#underWay.length > 0) this.#underWay.shift().reject(reason);
  }

  #becameQuiet(): void {
    if (this.#underWay.length > 0) return;
    const waiting = this.#onQuiet;
    this.#onQuiet = [];
    for (const resolve of waiting) resolve();
  }

  #progressed(): void {
    this.#progressMs = this.#clock.nowMs();
    if (this.#isSlow) this.#change(() => (this.#isSlow = false));
  }

  /** Looks from time to time, while anything is under way, whether it moves. */
  #watchProgress(): void {
    this.#progressMs = this.#clock.nowMs();
    const check = () => {
      this.#slowCheck = undefined;
      if (this.#underWay.length === 0) return;
      const isSlow = this.#clock.nowMs() - this.#progressMs >= SLOW_COMMIT_MS;
      if (isSlow && !this.#isSlow) this.#change(() => (this.#isSlow = true));
      this.#slowCheck = this.#clock.setTimer(SLOW_CHECK_MS, check);
    };
    this.#slowCheck = this.#clock.setTimer(SLOW_CHECK_MS, check);
  }

  #change(change: () => void): void {
    const before = this.fault;
    change();
    if (this.fault !== before) this.#observer?.faultChanged(this.fault);
  }
}

const SLOW = `the disk of the order log is slow: a commit has been under way for more than ${SLOW_COMMIT_MS / 1000} s`;

function notKept(index: number, startIndex: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.notFound,
    `log entry ${index} is not kept: entries from ${startIndex} on are`,
  );
}
