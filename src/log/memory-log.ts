import type { Clock } from "../clock.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import { Delivery, turnOf } from "./delivery.ts";
import type { LogConsumer, LogEntry, LogSubscription, OrderLog } from "./order-log.ts";

export interface MemoryLogOptions {
  readonly clock: Clock;
  /**
   * Keep entries until `truncate`, for replay. Default false: what every subscriber has consumed is
   * forgotten, so that a server that runs for long does not grow.
   */
  readonly retain?: boolean;
}

/** A log that lasts as long as its process: for trials, tests and as the model of the others. */
export class MemoryLog implements OrderLog {
  readonly epoch: bigint;
  readonly fault = undefined;
  readonly #clock: Clock;
  readonly #retain: boolean;
  readonly #subscriptions = new Set<Delivery>();
  #entries: LogEntry[] = [];
  #startIndex = 0;
  #closed = false;

  constructor({ clock, retain = false }: MemoryLogOptions) {
    this.#clock = clock;
    this.#retain = retain;
    this.epoch = clock.unixNanos() / 1000n;
  }

  get bytes(): number {
    return 0;
  }

  get startIndex(): number {
    return this.#startIndex;
  }

  get endIndex(): number {
    return this.#startIndex + this.#entries.length;
  }

  append(record: ArrayBuffer): Promise<number> {
    if (this.#closed) {
      return Promise.reject(new DepthcastError(ErrorCode.unavailable, "the order log is closed"));
    }
    const index = this.endIndex;
    this.#entries.push({ index, record });
    for (const delivery of this.#subscriptions) delivery.schedule();
    return Promise.resolve(index);
  }

  read(fromIndex: number): AsyncIterable<LogEntry> {
    return this.#between(fromIndex, this.endIndex);
  }

  subscribe(fromIndex: number, consumer: LogConsumer): LogSubscription {
    invariant(fromIndex >= this.#startIndex, "a subscription starts at an entry that is kept");
    const delivery = new Delivery(fromIndex, consumer, {
      defer: (task) => this.#clock.defer(task),
      take: (index) => turnOf(this.#entries, index - this.#startIndex),
      consumed: () => this.#forgetConsumed(),
      failed: () => {},
    });
    this.#subscriptions.add(delivery);
    delivery.schedule();
    return {
      cancel: () => {
        delivery.cancel();
        this.#subscriptions.delete(delivery);
      },
    };
  }

  /** Nothing that it could tell goes wrong with it. */
  observe(): void {}

  digestAt(): Promise<string> {
    return Promise.resolve("");
  }

  truncate(beforeIndex: number): Promise<void> {
    for (const { nextIndex } of this.#subscriptions) {
      invariant(nextIndex >= beforeIndex, "nothing is truncated that a subscriber has not consumed");
    }
    const drop = Math.min(beforeIndex, this.endIndex) - this.#startIndex;
    if (drop > 0) {
      this.#entries = this.#entries.slice(drop);
      this.#startIndex += drop;
    }
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#subscriptions].map((delivery) => delivery.drained(() => this.endIndex)));
    for (const delivery of this.#subscriptions) delivery.cancel();
    this.#subscriptions.clear();
  }

  async *#between(fromIndex: number, endIndex: number): AsyncIterable<LogEntry> {
    for (let index = fromIndex; index < endIndex; index++) yield this.#at(index);
  }

  #at(index: number): LogEntry {
    const entry = this.#entries[index - this.#startIndex];
    if (entry === undefined) {
      throw new DepthcastError(
        ErrorCode.notFound,
        `log entry ${index} is not kept: entries from ${this.#startIndex} on are`,
      );
    }
    return entry;
  }

  #forgetConsumed(): void {
    if (this.#retain) return;
    let consumed = this.endIndex;
    for (const delivery of this.#subscriptions) consumed = Math.min(consumed, delivery.nextIndex);
    // Dropping from the front moves the rest, so it waits until half is to go.
    if (consumed - this.#startIndex > this.#entries.length / 2) void this.truncate(consumed);
  }
}
