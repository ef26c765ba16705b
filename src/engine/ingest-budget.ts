/**
 * One budget of bytes over all ingest streams for what was received and is not yet applied. Whoever wants
 * more than there is waits, first come first served, and reads nothing meanwhile.
 */
export class IngestBudget {
  readonly #bytesMax: number;
  #bytes = 0;
  readonly #waiting: Waiter[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes taken and not given back. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Resolves when the bytes are taken. A message larger than the whole budget is let through alone, so
   * that it does not wait for ever.
   */
  take(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#bytes += bytes;
      return TAKEN;
    }
    return new Promise((resolve) => this.#waiting.push({ bytes, resolve }));
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.resolve();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }
}

interface Waiter {
  readonly bytes: number;
  readonly resolve: () => void;
}

const TAKEN = Promise.resolve();
