import { expect, test } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { checkIntegrity } from "../../src/book/integrity.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { Side } from "../../src/book/order-events.ts";
import { BatchTally } from "../../src/book/rejection.ts";
import { eventColumns } from "../support/event-columns.ts";
import type { TestOrderEvent } from "../support/naive-book.ts";
import { type Random, withSeed } from "../support/random.ts";

const rules = {
  crossPolicy: CrossPolicy.flag,
  tickSize: 0,
  lotSize: 0,
  liveOrdersMax: 1_000_000,
  levelsPerSideMax: 1_000_000,
};

/** Prices so wide apart that each has its page; names that are mostly new at first. */
function anyEvent(random: Random, names: number): TestOrderEvent {
  const n = random.between(1, names);
  return {
    ...(n % 5 === 0 ? { key: `key-${n}` } : { id: BigInt(n) << 30n }),
    action: random.chance(60) ? 1 : random.between(0, 5),
    side: random.chance(95) ? random.between(1, 2) : random.pick([0, 3, 200, 255]),
    price: random.chance(95) ? random.between(-20_000, 20_000) * 64 : random.pick([0, 0.5, 2 ** 53 - 1]),
    quantity: random.between(0, 100),
  };
}

function applied(book: OrderBook, events: readonly TestOrderEvent[], batchEvents: number): number {
  const tally = new BatchTally();
  for (let at = 0; at < events.length; at += batchEvents) {
    book.apply(eventColumns(events.slice(at, at + batchEvents)), tally);
  }
  return tally.acceptedEvents;
}

test("a book too large for the caches is the same whether events are read ahead or come three by three", async () => {
  await withSeed((random) => {
    const events = Array.from({ length: 60_000 }, () => anyEvent(random, 80_000));
    const ahead = new OrderBook(rules, 1);
    const alone = new OrderBook(rules, 2);
    expect(applied(ahead, events, 1000)).toBe(applied(alone, events, 3));
    // The bounds over which orders and prices are read ahead.
    expect(ahead.liveOrders).toBeGreaterThan(16_384);
    expect(ahead.parts.bids.pages.live + ahead.parts.asks.pages.live).toBeGreaterThan(4096);
    expect(ahead.stateHash()).toBe(alone.stateHash());
    expect(checkIntegrity(ahead)).toEqual([]);
  });
});

test("a batch that clears a large book, and one that meets a side without levels, are applied as ever", () => {
  const book = new OrderBook(rules, 1);
  const bids = Array.from({ length: 20_000 }, (_, n) => ({
    action: 1,
    id: BigInt(n + 1),
    side: Side.bid,
    price: -n * 64,
    quantity: 1,
  }));
  const asks = [{ action: 1, id: 50_000n, side: Side.ask, price: 64, quantity: 1 }];
  expect(applied(book, [...bids, ...asks], 1000)).toBe(20_001);
  expect(book.bestAsk()).toBe(64);
  expect(applied(book, [{ action: 6 }, ...asks, ...bids.slice(0, 100)], 1000)).toBe(102);
  expect(book.liveOrders).toBe(101);
  expect(checkIntegrity(book)).toEqual([]);
});

test("orders found ahead that are gone by their turn are unknown, and those that came back are found", () => {
  const add = (id: bigint, quantity: number) => ({ action: 1, id, side: Side.bid, price: 10, quantity });
  const remove = (id: bigint) => ({ action: 3, id });
  const book = new OrderBook(rules, 1);
  expect(applied(book, [add(1n, 1), add(2n, 2)], 64)).toBe(2);
  // In one block: 1 is deleted, its slot goes to 3, it is deleted in vain, added anew and resized.
  const update = { action: 2, id: 1n, quantity: 7 };
  expect(applied(book, [remove(1n), add(3n, 3), remove(1n), add(1n, 4), update], 64)).toBe(4);
  expect(book.quantityAt(Side.bid, 10)).toBe(2 + 3 + 7);
  // Cleared in the midst of a block: nothing found before is there.
  expect(applied(book, [{ action: 6 }, remove(2n), update, add(2n, 5), remove(2n), add(3n, 6)], 64)).toBe(4);
  expect(book.quantityAt(Side.bid, 10)).toBe(6);
  expect(checkIntegrity(book)).toEqual([]);
});
