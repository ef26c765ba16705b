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
   * True = the bytes are taken. A promise resolves with true when they are, with false where `leave` came
   * first. A message larger than the whole budget is let through alone, so that it does not wait for ever.
   */
  take(bytes: number, holder: object): true | Promise<boolean> {
    if (this.#waiting.length === 0 && this.#fits(bytes)) {
      this.#bytes += bytes;
      return true;
    }
    return new Promise((resolve) => this.#waiting.push({ bytes, holder, resolve }));
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes;
    this.#admit();
  }

  /** The holder waits no more: what it holds in its hand meanwhile must not pile up. */
  leave(holder: object): void {
    const place = this.#waiting.findIndex((waiter) => waiter.holder === holder);
    if (place < 0) return;
    const [left] = this.#waiting.splice(place, 1);
    left?.resolve(false);
    this.#admit();
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || !this.#fits(next.bytes)) return;
      this.#waiting.shift();
      this.#bytes += next.bytes;
      next.resolve(true);
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#bytesMax;
  }
}

interface Waiter {
  readonly bytes: number;
  readonly holder: object;
  readonly resolve: (taken: boolean) => void;
}
