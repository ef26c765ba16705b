import { SeededRandom } from "../support/random.ts";
import { type Batch, createBatches } from "./batches.ts";
import type { Flow } from "./flow.ts";
import { FlowOrders } from "./flow-orders.ts";

/**
 * Flow U. As many orders as there are prices a side, uniformly over them, so that 39 % of the prices are
 * taken; 40 % of the events add, 20 % change a quantity, 40 % delete. Nothing is near anything: the cost of
 * memory that is in no cache.
 */
export class UniformFlow implements Flow {
  readonly name = "U";
  readonly about: string;
  readonly seed: number;
  readonly #pricesPerSide: number;
  readonly #orders: FlowOrders;
  readonly #random: SeededRandom;

  constructor(seed: number, { pricesPerSide = 1_000_000 } = {}) {
    this.seed = seed;
    this.#pricesPerSide = pricesPerSide;
    this.about = `${pricesPerSide} orders uniformly over ${pricesPerSide} prices a side`;
    this.#random = new SeededRandom(seed);
    this.#orders = new FlowOrders(this.#random, pricesPerSide * 2, pricesPerSide);
  }

  prefill(): readonly Batch[] {
    const batches = createBatches(this.#pricesPerSide);
    this.#orders.events.begin(batches);
    while (!this.#orders.events.isFull()) this.#add();
    return batches;
  }

  fill(batches: readonly Batch[]): void {
    this.#orders.events.begin(batches);
    while (!this.#orders.events.isFull()) {
      const share = this.#random.unit();
      if (share < 0.4) this.#add();
      else if (share < 0.8) this.#orders.delete(this.#orders.randomSlot());
      else this.#orders.update(this.#orders.randomSlot());
    }
  }

  #add(): void {
    this.#orders.add(this.#orders.randomSide(), 1 + this.#random.below(this.#pricesPerSide));
  }
}
