import { Side } from "../../src/book/order-events.ts";
import { SeededRandom } from "../support/random.ts";
import { type Batch, createBatches } from "./batches.ts";
import type { Flow } from "./flow.ts";
import { FlowOrders } from "./flow-orders.ts";

/** Ticks from the mid within which new levels mostly lie, and within which existing ones are joined. */
const LEVEL_SPREAD = 600;
const JOIN_SPREAD = 60;
const DISTANCE_MAX = 50_000;

/**
 * Flow R. 40 % of the events add, 20 % change a quantity, 40 % delete; 18 % open a level and 18 % close one,
 * so that 64 % touch a level that stays. Prices are clustered at the mid.
 */
export class RealisticFlow implements Flow {
  readonly name = "R";
  readonly about: string;
  readonly seed: number;
  readonly #levelsPerSide: number;
  readonly #liveOrders: number;
  readonly #random: SeededRandom;
  readonly #orders: FlowOrders;
  /** Distances at which one order stands alone, by side, with where each stands in the list. */
  readonly #lone = [new LoneList(), new LoneList()] as const;

  constructor(seed: number, { liveOrders = 100_000, levelsPerSide = 1140 } = {}) {
    this.seed = seed;
    this.#liveOrders = liveOrders;
    this.#levelsPerSide = levelsPerSide;
    this.about = `realistic: ${liveOrders} orders on ${levelsPerSide} levels a side, clustered at the mid`;
    this.#random = new SeededRandom(seed);
    this.#orders = new FlowOrders(this.#random, liveOrders * 2, DISTANCE_MAX);
  }

  prefill(): readonly Batch[] {
    const batches = createBatches(this.#liveOrders);
    this.#orders.events.begin(batches);
    for (let level = 0; level < this.#levelsPerSide; level++) {
      this.#open(Side.bid);
      this.#open(Side.ask);
    }
    while (!this.#orders.events.isFull()) this.#join();
    return batches;
  }

  fill(batches: readonly Batch[]): void {
    this.#orders.events.begin(batches);
    while (!this.#orders.events.isFull()) this.#event();
  }

  #event(): void {
    const share = this.#random.unit();
    if (share < 0.18) this.#open(this.#orders.randomSide());
    else if (share < 0.36) this.#closeLevel();
    else if (share < 0.58) this.#join();
    else if (share < 0.8) this.#leave();
    else this.#orders.update(this.#orders.randomSlot());
  }

  #open(side: Side): void {
    let distance: number;
    do distance = 1 + this.#random.exponential(LEVEL_SPREAD);
    while (distance > DISTANCE_MAX || this.#orders.count(side, distance) > 0);
    this.#add(side, distance);
  }

  #closeLevel(): void {
    const side = this.#orders.randomSide();
    const lone = this.#lone[side - 1]!;
    if (lone.size === 0) this.#leave();
    else this.#delete(this.#orders.loneSlot(side, lone.at(this.#random.below(lone.size))));
  }

  #join(): void {
    const side = this.#orders.randomSide();
    let distance = 1 + this.#random.exponential(JOIN_SPREAD);
    while (distance < DISTANCE_MAX && this.#orders.count(side, distance) === 0) distance += 1;
    if (distance < DISTANCE_MAX) this.#add(side, distance);
  }

  /** Deletes an order that is not the last of its level. */
  #leave(): void {
    let slot: number;
    do slot = this.#orders.randomSlot();
    while (this.#orders.count(this.#orders.sideOf(slot), this.#orders.distanceOf(slot)) === 1);
    this.#delete(slot);
  }

  #add(side: Side, distance: number): void {
    this.#orders.add(side, distance);
    this.#noteCount(side, distance);
  }

  #delete(slot: number): void {
    const side = this.#orders.sideOf(slot);
    const distance = this.#orders.distanceOf(slot);
    this.#orders.delete(slot);
    this.#noteCount(side, distance);
  }

  #noteCount(side: Side, distance: number): void {
    const lone = this.#lone[side - 1]!;
    if (this.#orders.count(side, distance) === 1) lone.add(distance);
    else lone.delete(distance);
  }
}

/** A set of distances from which one is drawn at random. */
class LoneList {
  size = 0;
  readonly #list = new Int32Array(DISTANCE_MAX + 1);
  /** Place in the list, plus one. */
  readonly #place = new Int32Array(DISTANCE_MAX + 1);

  at(index: number): number {
    return this.#list[index]!;
  }

  add(distance: number): void {
    if (this.#place[distance] !== 0) return;
    this.#list[this.size] = distance;
    this.size += 1;
    this.#place[distance] = this.size;
  }

  delete(distance: number): void {
    const place = this.#place[distance]!;
    if (place === 0) return;
    this.size -= 1;
    const last = this.#list[this.size]!;
    this.#list[place - 1] = last;
    this.#place[last] = place;
    this.#place[distance] = 0;
  }
}
