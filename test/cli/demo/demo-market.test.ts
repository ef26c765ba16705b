import { describe, expect, test } from "vitest";
import { OrderAction, Side } from "../../../src/book/order-events.ts";
import { DEMO_STEP_MS, DemoMarket } from "../../../src/cli/demo/demo-market.ts";
import { ORDERS_MAX } from "../../../src/cli/demo/simulated-symbol.ts";
import type { ProducerEvent } from "../../../src/client/ingest-batch-writer.ts";

const RATE = 2000;
const STEPS_A_SECOND = 1000 / DEMO_STEP_MS;

interface Order {
  readonly side: Side;
  price: number;
  quantity: number;
}

/** Follows the events as a book would, and refuses what a book under REJECT would refuse. */
class Follower {
  readonly orders = new Map<bigint, Order>();

  apply(event: ProducerEvent): void {
    const { action, orderId = 0n, side, price, quantity } = event;
    if (action === OrderAction.clear) return this.orders.clear();
    if (action === OrderAction.add) {
      if (this.orders.has(orderId)) throw new Error(`order ${orderId} is live already`);
      this.orders.set(orderId, { side: side!, price: price!, quantity: quantity! });
      return;
    }
    const order = this.orders.get(orderId);
    if (order === undefined) throw new Error(`order ${orderId} is not live`);
    if (price !== undefined) order.price = price;
    if (action === OrderAction.update && quantity !== undefined) order.quantity = quantity;
    if (action === OrderAction.reduce) order.quantity -= quantity!;
    if (order.quantity < 0) throw new Error(`order ${orderId} was taken off more than it had`);
    if (action === OrderAction.delete || order.quantity === 0) this.orders.delete(orderId);
  }

  best(side: Side): number {
    const prices = [...this.orders.values()].filter((order) => order.side === side).map(({ price }) => price);
    return side === Side.bid ? Math.max(...prices) : Math.min(...prices);
  }

  /** Orders of a side by their distance from its best price, in bands of ticks. */
  bands(side: Side, tick: number, width: number, bands: number): number[] {
    const best = this.best(side);
    const counts = Array.from({ length: bands }, () => 0);
    for (const order of this.orders.values()) {
      const band = Math.floor(Math.abs(order.price - best) / tick / width);
      if (order.side === side && band < bands) counts[band]! += 1;
    }
    return counts;
  }
}

/** Runs the market for so many simulated seconds; returns the follower of each symbol. */
function follow(
  market: DemoMarket,
  seconds: number,
  onStep: (events: number, books: Map<string, Follower>) => void = () => {},
) {
  const books = new Map(market.instruments.map(({ symbol }) => [symbol, new Follower()]));
  for (const { symbol, events } of market.open()) for (const event of events) books.get(symbol)!.apply(event);
  for (let step = 0; step < seconds * STEPS_A_SECOND; step += 1) {
    let count = 0;
    for (const { symbol, events } of market.step()) {
      for (const event of events) books.get(symbol)!.apply(event);
      count += events.length;
    }
    onStep(count, books);
  }
  return books;
}

describe("the simulated market", () => {
  test("is the same for the same seed, and another for another", () => {
    const [first, second, other] = [7, 7, 8].map((seed) => {
      const market = new DemoMarket(seed, RATE);
      return [market.open(), ...Array.from({ length: 300 }, () => market.step())];
    });
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
  });

  test("keeps to its rate, in bursts", () => {
    const market = new DemoMarket(1, RATE);
    market.open();
    const perSecond = Array.from({ length: 120 }, () => {
      let events = 0;
      for (let step = 0; step < STEPS_A_SECOND; step += 1) {
        for (const batch of market.step()) events += batch.events.length;
      }
      return events;
    });
    const mean = perSecond.reduce((sum, count) => sum + count, 0) / perSecond.length;
    expect(mean).toBeGreaterThan(RATE * 0.85);
    expect(mean).toBeLessThan(RATE * 1.15);
    expect(Math.max(...perSecond)).toBeGreaterThan(1.5 * Math.min(...perSecond));
  });

  test("never locks or crosses a book, and holds a bounded number of orders", () => {
    let steps = 0;
    follow(new DemoMarket(3, RATE), 30, (_count, books) => {
      steps += 1;
      for (const book of books.values()) {
        if (steps % 20 !== 0) continue;
        expect(book.orders.size).toBeLessThanOrEqual(ORDERS_MAX);
        expect(book.best(Side.bid)).toBeLessThan(book.best(Side.ask));
      }
    });
  });

  test("depth thins out away from the best prices, and the mid wanders but comes back", () => {
    const market = new DemoMarket(5, RATE);
    const mids = new Map<string, number[]>();
    let steps = 0;
    const near = [0, 0, 0, 0];
    follow(market, 100, (_count, books) => {
      steps += 1;
      if (steps % 200 !== 0) return;
      for (const { symbol, tickSize } of market.instruments) {
        const book = books.get(symbol)!;
        const seen = mids.get(symbol) ?? [];
        seen.push((book.best(Side.bid) + book.best(Side.ask)) / 2);
        mids.set(symbol, seen);
        for (const side of [Side.bid, Side.ask]) {
          for (const [band, count] of book.bands(side, tickSize, 40, 4).entries()) near[band]! += count;
        }
      }
    });
    expect(near.toSorted((a, b) => b - a)).toEqual(near);
    for (const { symbol, tickSize } of market.instruments) {
      const seen = mids.get(symbol)!;
      const range = (Math.max(...seen) - Math.min(...seen)) / tickSize;
      expect(range).toBeGreaterThan(3);
      expect(range).toBeLessThan(400);
    }
  });

  test("some trades sweep through several levels", () => {
    const market = new DemoMarket(11, RATE);
    let deepest = 0;
    const books = new Map(market.instruments.map(({ symbol }) => [symbol, new Follower()]));
    const take = ({ symbol, events }: { symbol: string; events: readonly ProducerEvent[] }) => {
      const book = books.get(symbol)!;
      const swept = new Set<number>();
      for (const event of events) {
        if (event.action !== OrderAction.reduce) swept.clear();
        else swept.add(book.orders.get(event.orderId!)!.price);
        deepest = Math.max(deepest, swept.size);
        book.apply(event);
      }
    };
    market.open().forEach(take);
    for (let step = 0; step < 2000; step += 1) market.step().forEach(take);
    expect(deepest).toBeGreaterThanOrEqual(4);
  });
});
