/** A batch of a producer that is not acknowledged yet. */
export interface KeptBatch {
  readonly symbol: string;
  readonly number: number;
  readonly eventCount: number;
  /** As `IngestAckedRequest`. */
  readonly bytes: Buffer;
}

/** What a kept batch takes beside its bytes, roughly, so that many small ones are bounded as well. */
const OVERHEAD_BYTES = 256;

/**
 * The batches that a producer has made and that are not acknowledged, in the order of their numbers. Those in
 * front have been sent on the connection of now; after its loss all count as not sent.
 */
export class KeptBatches {
  #batches: KeptBatch[] = [];
  /** Those before it are done, and dropped in bulk. */
  #first = 0;
  #sentCount = 0;
  #bytes = 0;

  /** What they take, roughly. */
  get bytes(): number {
    return this.#bytes;
  }
  get size(): number {
    return this.#batches.length - this.#first;
  }
  /** Sent and not acknowledged. */
  get sentCount(): number {
    return this.#sentCount;
  }

  push(batch: KeptBatch): void {
    this.#batches.push(batch);
    this.#bytes += batch.bytes.byteLength + OVERHEAD_BYTES;
  }

  /** The next one that was not sent, which counts as sent from now on. */
  send(): KeptBatch | undefined {
    const batch = this.#batches[this.#first + this.#sentCount];
    if (batch !== undefined) this.#sentCount += 1;
    return batch;
  }

  /** Takes out the oldest, if it was sent and has this number. */
  acknowledge(number: number): KeptBatch | undefined {
    const batch = this.#batches[this.#first];
    if (batch?.number !== number || this.#sentCount === 0) return undefined;
    this.#sentCount -= 1;
    this.#dropFirst(batch);
    return batch;
  }

  /** The connection is lost: nothing counts as sent. */
  rewind(): void {
    this.#sentCount = 0;
  }

  /** Takes out those up to `number`, none of which counts as sent, and answers them. */
  takeThrough(number: number): readonly KeptBatch[] {
    const taken: KeptBatch[] = [];
    for (;;) {
      const batch = this.#batches[this.#first];
      if (batch === undefined || batch.number > number) return taken;
      taken.push(batch);
      this.#dropFirst(batch);
    }
  }

  #dropFirst(batch: KeptBatch): void {
    this.#bytes -= batch.bytes.byteLength + OVERHEAD_BYTES;
    this.#first += 1;
    if (this.#first * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#first);
    this.#first = 0;
  }
}
