/** A small seeded generator of random numbers (mulberry32), so that every random test can be repeated. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** Whether something that happens in `percent` of all cases happens now. */
  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.between(0, items.length - 1)] as Item;
  }

  /** 0, 1, 2, …, each less likely than the one before; the mean is near `mean`. */
  geometric(mean: number): number {
    return Math.floor(-Math.log(1 - this.next()) * mean);
  }
}

/**
 * Runs `test` with a seed of its own, or with that of the environment variable `TEST_SEED`; a failure
 * tells the seed.
 */
export async function withSeed(test: (random: Random) => Promise<void> | void): Promise<void> {
  const seed = Number(process.env["TEST_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
  try {
    await test(new Random(seed));
  } catch (thrown) {
    throw new Error(
      `failed with TEST_SEED=${seed}: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}
