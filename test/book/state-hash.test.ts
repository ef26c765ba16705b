import { expect, test } from "vitest";
import { type BookRules, CrossPolicy } from "../../src/book/instrument.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { BatchTally } from "../../src/book/rejection.ts";
import { eventColumns } from "../support/event-columns.ts";
import type { TestOrderEvent } from "../support/naive-book.ts";

const rules: BookRules = {
  crossPolicy: CrossPolicy.flag,
  tickSize: 0,
  lotSize: 0,
  liveOrdersMax: 100,
  levelsPerSideMax: 100,
};

const first: TestOrderEvent = { action: 1, id: 1n, side: 1, price: 10, quantity: 3 };
const second: TestOrderEvent = { action: 1, id: 2n, side: 1, price: 11, quantity: 4 };
const third: TestOrderEvent = { action: 1, key: "k", side: 2, price: 12, quantity: 5 };

function hashAfter(events: readonly TestOrderEvent[], seed = 1, changed: Partial<BookRules> = {}): string {
  const book = new OrderBook({ ...rules, ...changed }, seed);
  book.apply(eventColumns(events), new BatchTally());
  return book.stateHash();
}

test("neither seed, order of events, slots nor growth play a part", () => {
  const hash = hashAfter([first, second, third, { action: 6 }, first, second, third]);
  expect(hash).toMatch(/^[0-9a-f]{32}$/);
  expect(
    hashAfter([third, { action: 6 }, second, third, first, first, { action: 3, id: 2n }, second], 2),
  ).toBe(hash);
});

test("whatever differs in the state differs in the hash", () => {
  const base = [first, second, third];
  const variants: string[] = [
    hashAfter(base),
    hashAfter([]),
    hashAfter([first, second]),
    hashAfter([...base, { action: 5, side: 1, price: 9, quantity: 0 }]),
    hashAfter([{ ...first, id: 3n }, second, third]),
    hashAfter([{ ...first, id: 1n << 32n }, second, third]),
    hashAfter([{ action: 1, key: "1", side: 1, price: 10, quantity: 3 }, second, third]),
    hashAfter([{ action: 1, key: "\u0001", side: 1, price: 10, quantity: 3 }, second, third]),
    hashAfter([{ ...first, action: 5 }, second, third]),
    hashAfter([{ ...first, side: 2 }, second, third]),
    hashAfter([{ ...first, price: -10 }, second, third]),
    hashAfter([{ ...first, price: 10 + 2 ** 40 }, second, third]),
    hashAfter([{ ...first, quantity: 3 + 2 ** 40 }, second, third]),
    hashAfter([{ ...first, quantity: 4 }, { ...second, quantity: 3 }, third]),
    hashAfter([{ ...first, id: 2n }, { ...second, id: 1n }, third]),
    hashAfter([first, second, { ...third, key: "kk" }]),
    hashAfter([first, second, { ...third, key: "l" }]),
    hashAfter(base, 1, { crossPolicy: CrossPolicy.reject }),
    hashAfter(base, 1, { tickSize: 1 }),
    hashAfter(base, 1, { lotSize: 1 }),
    hashAfter(base, 1, { liveOrdersMax: 101 }),
    hashAfter(base, 1, { levelsPerSideMax: 101 }),
  ];
  expect(new Set(variants).size).toBe(variants.length);
});

test("levels count beside the orders that they should be the sum of", () => {
  for (const side of ["bids", "asks"] as const) {
    const book = new OrderBook(rules, 1);
    book.apply(eventColumns([first, third]), new BatchTally());
    const before = book.stateHash();
    const ladder = book.parts[side];
    ladder.levels.setTotal(ladder.find(ladder.bestRank), 6);
    expect(book.stateHash()).not.toBe(before);
  }
});

test("each of the four words tells 20,000 books apart", () => {
  const words = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()];
  const book = new OrderBook(rules, 1);
  for (let n = 0; n < 20_000; n++) {
    const order = { action: 1, id: BigInt(n + 1), side: 1, price: n & 15, quantity: 1 + (n >> 4) };
    book.apply(eventColumns([{ action: 6 }, order]), new BatchTally());
    const hash = book.stateHash();
    for (const [at, seen] of words.entries()) seen.add(hash.slice(at * 8, at * 8 + 8));
  }
  // Of 20,000 random 32-bit words 0.05 pairs are equal.
  for (const seen of words) expect(seen.size).toBeGreaterThan(19_996);
});
