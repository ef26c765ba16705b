import { DepthcastError, ErrorCode } from "../errors.ts";
import { Condition } from "./condition.ts";
import type { MarketUpdate } from "./market-update.ts";

/** Batches that wait for a slow reader before the transport is told to pause. */
const PAUSE_BATCHES = 16;
/** Updates that wait at most; a transport that cannot pause fails beyond. */
const QUEUED_UPDATES_MAX = 65_536;

/**
 * Between a transport that pushes and a reader that pulls, one batch at a time. Bounded: a transport that
 * can pause is asked to, one that cannot (WebSocket) fails when its reader is far behind.
 */
export class UpdateQueue implements AsyncIterable<readonly MarketUpdate[]> {
  #batches: (readonly MarketUpdate[])[] = [];
  /** Batches at the front that were read already: `shift()` would move all others each time. */
  #read = 0;
  #queuedUpdates = 0;
  #ended = false;
  #failure: DepthcastError | undefined;
  readonly #condition = new Condition();
  readonly #onRoom: () => void;

  /** @param onRoom is called when a queue that asked for a pause has room again. */
  constructor(onRoom: () => void = () => {}) {
    this.#onRoom = onRoom;
  }

  /** False = full: pause until `onRoom`. */
  push(batch: readonly MarketUpdate[]): boolean {
    if (this.#ended || batch.length === 0) return true;
    this.#batches.push(batch);
    this.#queuedUpdates += batch.length;
    if (this.#queuedUpdates > QUEUED_UPDATES_MAX) {
      this.fail(
        new DepthcastError(
          ErrorCode.resourceExhausted,
          `the reader is ${QUEUED_UPDATES_MAX} updates behind; read faster or subscribe with a longer interval`,
        ),
      );
    }
    this.#condition.changed();
    return this.#batches.length - this.#read < PAUSE_BATCHES;
  }

  /** No more will come; what is queued is still read. */
  end(): void {
    this.#ended = true;
    this.#condition.changed();
  }

  /** As `end`, and then the reader gets `failure`. Only the first one counts. */
  fail(failure: DepthcastError): void {
    if (!this.#ended) this.#failure = failure;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly MarketUpdate[], void, undefined> {
    for (;;) {
      await this.#condition.until(() => this.#batches.length > this.#read || this.#ended);
      const batch = this.#take();
      if (batch === undefined) break;
      if (this.#batches.length - this.#read === PAUSE_BATCHES >> 1) this.#onRoom();
      yield batch;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #take(): readonly MarketUpdate[] | undefined {
    const batch = this.#batches[this.#read];
    if (batch === undefined) return undefined;
    this.#read += 1;
    this.#queuedUpdates -= batch.length;
    if (this.#read * 2 >= this.#batches.length) {
      this.#batches = this.#batches.slice(this.#read);
      this.#read = 0;
    }
    return batch;
  }
}
