import type {
  LogConsumer,
  LogEntry,
  LogObserver,
  LogSubscription,
  OrderLog,
} from "../../src/log/order-log.ts";

/** A log that takes only so many bytes a second, one record after the other, as a slow disk does. */
export class SlowLog implements OrderLog {
  readonly #log: OrderLog;
  readonly #bytesPerSecond: number;
  #previous: Promise<unknown> = Promise.resolve();
  #freeAtMs = performance.now();

  constructor(log: OrderLog, bytesPerSecond: number) {
    this.#log = log;
    this.#bytesPerSecond = bytesPerSecond;
  }

  get epoch(): bigint {
    return this.#log.epoch;
  }
  get startIndex(): number {
    return this.#log.startIndex;
  }
  get endIndex(): number {
    return this.#log.endIndex;
  }

  get bytes(): number {
    return this.#log.bytes;
  }
  get fault(): string | undefined {
    return this.#log.fault;
  }

  append(record: ArrayBuffer): Promise<number> {
    const appended = this.#previous.then(() => this.#takeTime(record));
    this.#previous = appended.catch(() => {});
    return appended;
  }

  read(fromIndex: number): AsyncIterable<LogEntry> {
    return this.#log.read(fromIndex);
  }

  subscribe(fromIndex: number, consumer: LogConsumer): LogSubscription {
    return this.#log.subscribe(fromIndex, consumer);
  }

  observe(observer: LogObserver): void {
    this.#log.observe(observer);
  }

  digestAt(index: number): Promise<string> {
    return this.#log.digestAt(index);
  }

  truncate(beforeIndex: number): Promise<void> {
    return this.#log.truncate(beforeIndex);
  }

  async close(): Promise<void> {
    await this.#previous;
    await this.#log.close();
  }

  async #takeTime(record: ArrayBuffer): Promise<number> {
    const nowMs = performance.now();
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (record.byteLength / this.#bytesPerSecond) * 1000;
    await new Promise((resolve) => {
      setTimeout(resolve, this.#freeAtMs - nowMs);
    });
    return this.#log.append(record);
  }
}
