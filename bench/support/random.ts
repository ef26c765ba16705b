/** Seeded random numbers (sfc32), so that a flow can be repeated from its printed seed. */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = 0x9e37_79b9 | 0;
    this.#c = 0x243f_6a88;
    for (let round = 0; round < 16; round++) this.word();
  }

  /** 32 random bits as an int32. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }

  /** From 0 up to, and without, 1. */
  unit(): number {
    return (this.word() >>> 0) / 0x1_0000_0000;
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor(this.unit() * end);
  }

  /** A whole number from 0 on, exponentially distributed around `mean`. */
  exponential(mean: number): number {
    return Math.floor(-Math.log(1 - this.unit()) * mean);
  }
}
