import { Side } from "../../src/book/order-events.ts";
import type { SeededRandom } from "../support/random.ts";
import { BatchWriter } from "./batches.ts";

/** The price between bids and asks, a mantissa of two decimals. Bids are below it, asks above. */
export const MID_PRICE = 6_183_764;

const QUANTITY_MAX = 5000;

/**
 * The live orders of a flow, and the events that change them. A slot stays an order's own while it lives.
 * Prices are ticks away from the mid: 1 is the best.
 */
export class FlowOrders {
  readonly events = new BatchWriter();
  /** Orders at each distance, by side. */
  readonly #counts: readonly [Int32Array, Int32Array];
  /** The slots at each distance, combined by exclusive or: with one order left it is that slot. */
  readonly #slots: readonly [Int32Array, Int32Array];
  readonly #random: SeededRandom;
  readonly #id: Float64Array;
  readonly #distance: Int32Array;
  readonly #side: Uint8Array;
  /** Live slots in `#listed[0 .. live)`; `#place` is where a slot stands there. */
  readonly #listed: Int32Array;
  readonly #place: Int32Array;
  #live = 0;
  #lastId: number;

  constructor(random: SeededRandom, ordersMax: number, distanceMax: number) {
    this.#random = random;
    this.#counts = [new Int32Array(distanceMax + 1), new Int32Array(distanceMax + 1)];
    this.#slots = [new Int32Array(distanceMax + 1), new Int32Array(distanceMax + 1)];
    this.#id = new Float64Array(ordersMax);
    this.#distance = new Int32Array(ordersMax);
    this.#side = new Uint8Array(ordersMax);
    this.#listed = Int32Array.from({ length: ordersMax }, (_, slot) => slot);
    this.#place = Int32Array.from({ length: ordersMax }, (_, slot) => slot);
    // As a venue counts them: rising, with gaps, and over 32 bits.
    this.#lastId = 2 ** 40 + random.below(2 ** 32);
  }

  get live(): number {
    return this.#live;
  }

  count(side: Side, distance: number): number {
    return this.#counts[side - 1]![distance]!;
  }

  /** The slot of the only order at a distance. */
  loneSlot(side: Side, distance: number): number {
    return this.#slots[side - 1]![distance]!;
  }

  randomSlot(): number {
    return this.#listed[this.#random.below(this.#live)]!;
  }

  randomSide(): Side {
    return this.#random.unit() < 0.5 ? Side.bid : Side.ask;
  }

  sideOf(slot: number): Side {
    return this.#side[slot] as Side;
  }

  distanceOf(slot: number): number {
    return this.#distance[slot]!;
  }

  add(side: Side, distance: number): void {
    const slot = this.#listed[this.#live]!;
    this.#live += 1;
    this.#lastId += 1 + this.#random.below(8);
    this.#id[slot] = this.#lastId;
    this.#side[slot] = side;
    this.#distance[slot] = distance;
    this.#counts[side - 1]![distance]! += 1;
    this.#slots[side - 1]![distance]! ^= slot;
    const price = side === Side.bid ? MID_PRICE - distance : MID_PRICE + distance;
    this.events.add(this.#lastId, side, price, this.#quantity());
  }

  update(slot: number): void {
    this.events.update(this.#id[slot]!, this.#quantity());
  }

  delete(slot: number): void {
    this.#live -= 1;
    const last = this.#listed[this.#live]!;
    const place = this.#place[slot]!;
    this.#listed[place] = last;
    this.#place[last] = place;
    this.#listed[this.#live] = slot;
    this.#place[slot] = this.#live;
    const side = this.#side[slot]!;
    const distance = this.#distance[slot]!;
    this.#counts[side - 1]![distance]! -= 1;
    this.#slots[side - 1]![distance]! ^= slot;
    this.events.delete(this.#id[slot]!);
  }

  #quantity(): number {
    return 1 + this.#random.below(QUANTITY_MAX);
  }
}
