import { DepthcastError } from "../errors.ts";

/** Answers that wait for the sequencer, by place in the log. */
export class PendingOutcomes<Outcome> {
  readonly #waiting = new Map<number, Waiter<Outcome>>();
  /** Outcomes that came before the log told the place; kept only while a place is awaited. */
  readonly #early = new Map<number, Outcome | DepthcastError>();
  #placing = 0;
  #failed: DepthcastError | undefined;

  /** One promise for a batch, and no async function around it: there are millions. */
  wait(place: Promise<number>): Promise<Outcome> {
    this.#placing += 1;
    return new Promise((resolve, reject) => {
      place.then(
        (index) => {
          this.#await(index, { resolve, reject });
          this.#placed();
        },
        (thrown: unknown) => {
          this.#placed();
          reject(thrown);
        },
      );
    });
  }

  settle(index: number, outcome: Outcome | DepthcastError): void {
    const waiter = this.#waiting.get(index);
    if (waiter !== undefined) {
      this.#waiting.delete(index);
      answer(waiter, outcome);
    } else if (this.#placing > 0) {
      this.#early.set(index, outcome);
    }
  }

  /** There will be no more outcomes. */
  fail(reason: DepthcastError): void {
    this.#failed = reason;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
    this.#early.clear();
  }

  #await(index: number, waiter: Waiter<Outcome>): void {
    const told = this.#failed ?? this.#early.get(index);
    if (told === undefined) {
      this.#waiting.set(index, waiter);
      return;
    }
    this.#early.delete(index);
    answer(waiter, told);
  }

  #placed(): void {
    this.#placing -= 1;
    // What is left came early for places that are not ours.
    if (this.#placing === 0) this.#early.clear();
  }
}

interface Waiter<Outcome> {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: unknown) => void;
}

function answer<Outcome>({ resolve, reject }: Waiter<Outcome>, outcome: Outcome | DepthcastError): void {
  if (outcome instanceof DepthcastError) reject(outcome);
  else resolve(outcome);
}
