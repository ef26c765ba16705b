import type { LogConsumer, LogEntry } from "./order-log.ts";

/** Bytes delivered in one turn, so that a backlog does not hold the event loop: about 5 ms of applying. */
const TURN_BYTES_MAX = 512 * 1024;

/** Where a subscriber's entries come from. */
export interface DeliverySource {
  defer(task: () => void): void;
  /** The entries of one turn, from `index` on; none where there are none yet. A promise where they are read back. */
  take(index: number): readonly LogEntry[] | Promise<readonly LogEntry[]>;
  consumed(): void;
  /** Entries could not be read: the subscription has ended. */
  failed(thrown: unknown): void;
}

/** One subscriber's way through the log: one turn at a time, the next only when the last is consumed. */
export class Delivery {
  nextIndex: number;
  readonly #consumer: LogConsumer;
  readonly #source: DeliverySource;
  #state: "idle" | "scheduled" | "consuming" | "cancelled" = "idle";
  /** Asked for while at work: there may be more than was taken. */
  #wanted = false;
  #onIdle: (() => void)[] = [];

  constructor(fromIndex: number, consumer: LogConsumer, source: DeliverySource) {
    this.nextIndex = fromIndex;
    this.#consumer = consumer;
    this.#source = source;
  }

  schedule(): void {
    this.#wanted = this.#state === "consuming";
    if (this.#state !== "idle") return;
    this.#state = "scheduled";
    this.#source.defer(() => void this.#deliver());
  }

  cancel(): void {
    this.#state = "cancelled";
    this.#becameIdle();
  }

  /** Resolves once all up to `end` is consumed. */
  async drained(end: () => number): Promise<void> {
    while (this.#state !== "cancelled" && this.nextIndex < end()) {
      this.schedule();
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    }
  }

  async #deliver(): Promise<void> {
    if (this.#state !== "scheduled") return;
    this.#state = "consuming";
    this.#wanted = false;
    const entries = await this.#take();
    if (this.#isCancelled()) return;
    if (entries.length > 0) {
      try {
        const pending = this.#consumer.consume(entries);
        if (pending !== undefined) await pending;
      } catch (thrown) {
        // The rejection is nobody's and ends the process; but were it caught, nobody waits for this one.
        this.cancel();
        throw thrown;
      }
      this.nextIndex += entries.length;
      this.#source.consumed();
    }
    if (this.#isCancelled()) return;
    this.#state = "idle";
    this.#becameIdle();
    if (entries.length > 0 || this.#wanted) this.schedule();
  }

  async #take(): Promise<readonly LogEntry[]> {
    try {
      return await this.#source.take(this.nextIndex);
    } catch (thrown) {
      if (!this.#isCancelled()) {
        this.cancel();
        this.#source.failed(thrown);
      }
      return [];
    }
  }

  /** The subscription may be cancelled while entries are read, or while its consumer is at work. */
  #isCancelled(): boolean {
    return this.#state === "cancelled";
  }

  #becameIdle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }
}

/** As many entries from `first` on as one turn takes. */
export function turnOf(entries: readonly LogEntry[], first: number): readonly LogEntry[] {
  let last = first;
  for (let bytes = 0; last < entries.length && bytes < TURN_BYTES_MAX; last++) {
    bytes += entries[last]?.record.byteLength ?? 0;
  }
  return entries.slice(first, last);
}
