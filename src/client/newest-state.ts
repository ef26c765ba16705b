import { Condition } from "./condition.ts";

/** What a reader of a stream of states is told of those since its last turn. */
export interface NewestState {
  /** States that it did not see, as a newer one was there already. */
  readonly skipped: number;
  /** The most intervals that the server had folded into one of them; over 1 where the connection could not keep up. */
  readonly mergedMost: number;
}

/**
 * Tells readers that there is a newer state. A reader that is slow finds one turn waiting, never a queue: it reads the
 * newest state then, and is told how many it has skipped.
 */
export class NewestStates {
  readonly #readers = new Set<Reader>();
  #ended = false;

  /** There is a newer state, of so many intervals. */
  changed(mergedIntervals: number): void {
    for (const reader of this.#readers) reader.changed(mergedIntervals);
  }

  /** There will be no more; a state that waits is still told. Idempotent. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /**
   * A reader of its own for each call. Its first turn comes at once where there `isState` already.
   */
  read<Turn>(isState: boolean, turn: (state: NewestState) => Turn): AsyncIterableIterator<Turn> {
    const reader = new Reader(isState ? 1 : 0);
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    const done = () => {
      this.#readers.delete(reader);
      reader.end();
    };
    return {
      async next() {
        const state = await reader.next();
        return state === undefined ? { done: true, value: undefined } : { done: false, value: turn(state) };
      },
      return() {
        done();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}

class Reader {
  readonly #condition = new Condition();
  /** States since the last turn. */
  #states: number;
  #mergedMost = 0;
  #ended = false;

  constructor(states: number) {
    this.#states = states;
  }

  changed(mergedIntervals: number): void {
    this.#states += 1;
    this.#mergedMost = Math.max(this.#mergedMost, mergedIntervals);
    this.#condition.changed();
  }

  end(): void {
    this.#ended = true;
    this.#condition.changed();
  }

  async next(): Promise<NewestState | undefined> {
    await this.#condition.until(() => this.#states > 0 || this.#ended);
    if (this.#states === 0) return undefined;
    const state = { skipped: this.#states - 1, mergedMost: this.#mergedMost };
    this.#states = 0;
    this.#mergedMost = 0;
    return state;
  }
}
