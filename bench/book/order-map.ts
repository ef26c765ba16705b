import { OrderAction, type OrderEventColumns, Side } from "../../src/book/order-events.ts";
import { cpuNanos } from "../support/measure.ts";
import { type BookContender, type BookTop, orderIdAt } from "./contender.ts";

interface MappedOrder {
  readonly side: Side;
  readonly price: number;
  quantity: number;
}

/**
 * What anybody writes first: a Map of orders and a Map of level totals. Books of levels (tardis-dev, ccxt)
 * need it in front of them, to get from orders to totals.
 */
export abstract class OrderMap implements BookContender {
  abstract readonly name: string;
  readonly #orders = new Map<number, MappedOrder>();
  protected readonly bidTotals = new Map<number, number>();
  protected readonly askTotals = new Map<number, number>();

  load(batches: readonly OrderEventColumns[]): void {
    this.#applyAll(batches);
  }

  apply(batches: readonly OrderEventColumns[]): number {
    return cpuNanos(() => this.#applyAll(batches));
  }

  abstract top(levels: number): BookTop | undefined;

  /** The total at a price is now `total`; 0 = the level is gone. `before` = it was there. */
  protected abstract setLevel(side: Side, price: number, total: number, before: boolean): void;

  #applyAll(batches: readonly OrderEventColumns[]): void {
    for (const batch of batches) {
      for (let index = 0; index < batch.length; index++) this.#applyEvent(batch, index);
    }
  }

  #applyEvent(events: OrderEventColumns, index: number): void {
    const id = orderIdAt(events, index);
    if (events.action[index] === OrderAction.add) {
      const side = events.side[index]! as Side;
      const order = { side, price: events.price[index]!, quantity: events.quantity[index]! };
      this.#orders.set(id, order);
      this.#addToLevel(order, order.quantity);
      return;
    }
    const order = this.#orders.get(id)!;
    if (events.action[index] === OrderAction.update) {
      const change = events.quantity[index]! - order.quantity;
      order.quantity += change;
      this.#addToLevel(order, change);
      return;
    }
    this.#orders.delete(id);
    this.#addToLevel(order, -order.quantity);
  }

  #addToLevel({ side, price }: MappedOrder, change: number): void {
    const totals = side === Side.bid ? this.bidTotals : this.askTotals;
    const before = totals.get(price);
    const total = (before ?? 0) + change;
    if (total === 0) totals.delete(price);
    else totals.set(price, total);
    this.setLevel(side, price, total, before !== undefined);
  }
}

/** The two maps alone, without any order among the levels: what they take of the others' time. */
export class UnorderedMaps extends OrderMap {
  readonly name = "two Maps alone, no order";

  top(): undefined {}

  protected setLevel(): void {}
}

/** The Map and a sorted array of prices: the usual book in JavaScript. */
export class SortedArrayBook extends OrderMap {
  readonly name = "Map and sorted array";
  #loading = false;
  /** Ascending ranks, best first: asks' prices, and bids' negated. */
  #bids: number[] = [];
  #asks: number[] = [];

  /** The array is sorted once: inserting a million prices one by one takes minutes. */
  override load(batches: readonly OrderEventColumns[]): void {
    this.#loading = true;
    super.load(batches);
    this.#loading = false;
    this.#bids = Array.from(this.bidTotals.keys(), (price) => -price).toSorted((a, b) => a - b);
    this.#asks = [...this.askTotals.keys()].toSorted((a, b) => a - b);
  }

  top(levels: number): BookTop {
    return {
      bids: this.#bids.slice(0, levels).map((rank) => [-rank, this.bidTotals.get(-rank)!]),
      asks: this.#asks.slice(0, levels).map((rank) => [rank, this.askTotals.get(rank)!]),
    };
  }

  protected setLevel(side: Side, price: number, total: number, before: boolean): void {
    if (this.#loading || (total !== 0 && before)) return;
    const ranks = side === Side.bid ? this.#bids : this.#asks;
    const rank = side === Side.bid ? -price : price;
    let low = 0;
    let high = ranks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranks[middle]! < rank) low = middle + 1;
      else high = middle;
    }
    if (total === 0) ranks.splice(low, 1);
    else ranks.splice(low, 0, rank);
  }
}
