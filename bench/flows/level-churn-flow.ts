import { Side } from "../../src/book/order-events.ts";
import { SeededRandom } from "../support/random.ts";
import { type Batch, createBatches } from "./batches.ts";
import type { Flow } from "./flow.ts";
import { FlowOrders } from "./flow-orders.ts";

/** Ticks a side for each level. */
const TICKS_PER_LEVEL = 4;

/** Flow N. Every event makes a level or removes one, at random places of a large book. */
export class LevelChurnFlow implements Flow {
  readonly name = "N";
  readonly about: string;
  readonly seed: number;
  readonly #levelsPerSide: number;
  readonly #orders: FlowOrders;
  readonly #random: SeededRandom;

  constructor(seed: number, { levelsPerSide = 50_000 } = {}) {
    this.seed = seed;
    this.#levelsPerSide = levelsPerSide;
    this.about = `every event makes or removes a level, ${levelsPerSide} levels a side`;
    this.#random = new SeededRandom(seed);
    this.#orders = new FlowOrders(this.#random, levelsPerSide * 4, levelsPerSide * TICKS_PER_LEVEL);
  }

  prefill(): readonly Batch[] {
    const batches = createBatches(this.#levelsPerSide * 2);
    this.#orders.events.begin(batches);
    for (let level = 0; level < this.#levelsPerSide; level++) {
      this.#open(Side.bid);
      this.#open(Side.ask);
    }
    return batches;
  }

  fill(batches: readonly Batch[]): void {
    this.#orders.events.begin(batches);
    while (!this.#orders.events.isFull()) {
      // Half of the events each, and the book keeps its size.
      if (this.#orders.live >= this.#levelsPerSide * 2) this.#orders.delete(this.#orders.randomSlot());
      else this.#open(this.#orders.randomSide());
    }
  }

  #open(side: Side): void {
    let distance: number;
    do distance = 1 + this.#random.below(this.#levelsPerSide * TICKS_PER_LEVEL);
    while (this.#orders.count(side, distance) > 0);
    this.#orders.add(side, distance);
  }
}
