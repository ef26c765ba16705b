import { type DepthcastError, invariant } from "../errors.ts";

interface WaitingRecord {
  readonly record: ArrayBuffer;
  readonly resolve: (index: number) => void;
  readonly reject: (reason: DepthcastError) => void;
}

/** Records on their way to the writer, oldest first. One thread's. */
export class WaitingRecords {
  #records: WaitingRecord[] = [];
  #first = 0;

  get length(): number {
    return this.#records.length - this.#first;
  }

  push(record: WaitingRecord): void {
    this.#records.push(record);
  }

  shift(): WaitingRecord {
    const record = this.#records[this.#first];
    invariant(record !== undefined, "the writer tells of what it was given");
    this.#first += 1;
    // Taking from the front moves the rest, so it waits until half is taken.
    if (this.#first * 2 >= this.#records.length) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
    return record;
  }
}
