import { invariant } from "../errors.ts";
import type { IngestBudget } from "./ingest-budget.ts";

/**
 * One ingest stream's part of the budget: room for one batch at a time, held from when it is asked for until the batch
 * has its outcome. One thread's.
 */
export class StreamRoom {
  readonly #budget: IngestBudget;
  /** Bytes that have been given room and belong to no batch yet. */
  #reserved = 0;
  #hasLeft = false;
  /** Room was asked for, and the batch was not submitted yet. */
  #isReceiving = false;
  /** For those who wait until it is. */
  #receiving: PromiseWithResolvers<void> | undefined;

  constructor(budget: IngestBudget) {
    this.#budget = budget;
  }

  /** As `IngestStream.room`. */
  ask(byteLength: number): Promise<void> | undefined {
    invariant(this.#reserved === 0, "room is taken for one batch at a time");
    if (this.#hasLeft) return undefined;
    this.#isReceiving = true;
    const taken = this.#budget.take(byteLength, this);
    if (taken !== true) return this.#wait(byteLength, taken);
    this.#reserved = byteLength;
    return undefined;
  }

  /** The batch for which room was asked is submitted: its outcome gives the room back; `onFailed` is told after that. */
  holdUntil(outcome: Promise<unknown>, onFailed?: (failure: unknown) => void): void {
    const bytes = this.#reserved;
    this.#reserved = 0;
    this.#received();
    const giveBack = () => this.#budget.giveBack(bytes);
    // Before whoever is answered goes on.
    outcome.then(giveBack, (failure: unknown) => {
      giveBack();
      onFailed?.(failure);
    });
  }

  /** Resolves when what the stream has received so far was submitted. */
  received(): Promise<void> {
    if (!this.#isReceiving) return Promise.resolve();
    this.#receiving ??= Promise.withResolvers();
    return this.#receiving.promise;
  }

  /** The stream has ended: it gets no more room. What was submitted keeps its own until its outcome. */
  leave(): void {
    this.#hasLeft = true;
    this.#budget.leave(this);
    this.#budget.giveBack(this.#reserved);
    this.#reserved = 0;
    this.#received();
  }

  async #wait(byteLength: number, taken: Promise<boolean>): Promise<void> {
    if (!(await taken)) return;
    // It may have ended meanwhile.
    if (this.#hasLeft) this.#budget.giveBack(byteLength);
    else this.#reserved = byteLength;
  }

  #received(): void {
    this.#isReceiving = false;
    this.#receiving?.resolve();
    this.#receiving = undefined;
  }
}
