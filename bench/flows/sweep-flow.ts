import { Side } from "../../src/book/order-events.ts";
import { SeededRandom } from "../support/random.ts";
import { type Batch, createBatches } from "./batches.ts";
import type { Flow } from "./flow.ts";
import { FlowOrders } from "./flow-orders.ts";

/**
 * Flow S. The best levels of one side are taken away one by one, best first, and then quoted again in
 * random order; then those of the other side. As many stand behind them.
 */
export class SweepFlow implements Flow {
  readonly name = "S";
  readonly about: string;
  readonly seed: number;
  readonly #levels: number;
  readonly #orders: FlowOrders;
  readonly #random: SeededRandom;
  /** Distances in random order. */
  readonly #shuffled: Int32Array;
  #side: Side = Side.bid;
  #step = 0;

  constructor(seed: number, { levels = 5000 } = {}) {
    this.seed = seed;
    this.#levels = levels;
    this.about = `sweeps of the best ${levels} of ${levels * 2} levels a side`;
    this.#random = new SeededRandom(seed);
    this.#orders = new FlowOrders(this.#random, levels * 4, levels * 2);
    this.#shuffled = Int32Array.from({ length: levels }, (_, index) => index + 1);
  }

  prefill(): readonly Batch[] {
    const batches = createBatches(this.#levels * 4);
    this.#orders.events.begin(batches);
    for (const side of [Side.bid, Side.ask]) {
      for (let distance = 1; distance <= this.#levels * 2; distance++) this.#orders.add(side, distance);
    }
    return batches;
  }

  fill(batches: readonly Batch[]): void {
    this.#orders.events.begin(batches);
    while (!this.#orders.events.isFull()) this.#event();
  }

  #event(): void {
    const levels = this.#levels;
    if (this.#step < levels) this.#orders.delete(this.#orders.loneSlot(this.#side, this.#step + 1));
    else this.#orders.add(this.#side, this.#shuffled[this.#step - levels]!);
    this.#step += 1;
    if (this.#step === levels) this.#shuffle();
    if (this.#step < levels * 2) return;
    this.#step = 0;
    this.#side = this.#side === Side.bid ? Side.ask : Side.bid;
  }

  #shuffle(): void {
    const list = this.#shuffled;
    for (let index = list.length - 1; index > 0; index--) {
      const other = this.#random.below(index + 1);
      const kept = list[index]!;
      list[index] = list[other]!;
      list[other] = kept;
    }
  }
}
