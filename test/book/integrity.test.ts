import { describe, expect, test } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { checkIntegrity } from "../../src/book/integrity.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { BatchTally } from "../../src/book/rejection.ts";
import { eventColumns } from "../support/event-columns.ts";
import type { TestOrderEvent } from "../support/naive-book.ts";

/**
 * A sound book with some of everything. The first bid is at 99, order 1, slot 1, on the level with handle 5
 * or so: the tests look handles up.
 */
function createBook(): OrderBook {
  const events: TestOrderEvent[] = [];
  for (let n = 1; n <= 40; n++) {
    events.push({ action: 1, id: BigInt(n), side: 1, price: 100 - n, quantity: n });
    events.push({ action: 1, key: `ask-${n}`, side: 2, price: 100 + n * 50, quantity: n });
  }
  events.push({ action: 5, side: 1, price: 99, quantity: 7 });
  events.push({ action: 3, id: 40n }, { action: 3, key: "ask-40" });
  const book = new OrderBook(
    { crossPolicy: CrossPolicy.reject, tickSize: 0, lotSize: 0, liveOrdersMax: 100, levelsPerSideMax: 100 },
    77,
  );
  book.apply(eventColumns(events), new BatchTally());
  return book;
}

function bidAt(book: OrderBook, price: number): number {
  return book.parts.bids.find(book.parts.bids.rankOf(price));
}

/** The slot of order `id`, which stands alone on its level. */
function slotOf(book: OrderBook, id: number): number {
  const { index } = book.parts;
  return index.findId(id, 0, hashOf(book, id));
}

function hashOf({ parts }: OrderBook, id: number): number {
  return parts.index.hashOfId(id, 0);
}

/** Swaps the first two pages of the asks in the directory. */
function swapPages({ parts }: OrderBook): void {
  const block = parts.asks.directory.blocks[0]!;
  block.numbers.set([block.numbers[1]!, block.numbers[0]!]);
  block.pages.set([block.pages[1]!, block.pages[0]!]);
}

/** Takes page 1 of the asks out of the page table alone. */
function forgetFirstPage({ parts }: OrderBook): void {
  const { pages } = parts.asks;
  pages.table.remove(1, pages.hashOfNumber(pages.number(1)));
}

/** Closes the ask at 2062, whose quad it shares with another level, and leaves a total there. */
function leaveTotal(book: OrderBook): void {
  const { asks } = book.parts;
  const events = [
    { action: 1, id: 90n, side: 2, price: 2061, quantity: 1 },
    { action: 1, id: 91n, side: 2, price: 2062, quantity: 1 },
  ];
  book.apply(eventColumns(events), new BatchTally());
  const handle = asks.find(2062);
  book.apply(eventColumns([{ action: 3, id: 91n }]), new BatchTally());
  asks.levels.setTotal(handle, 5);
}

/** Enters order 2 under a hash that is not its own. */
function enterWronglyHashed(book: OrderBook): void {
  const { table } = book.parts.index;
  const slot = slotOf(book, 2);
  table.remove(slot, hashOf(book, 2));
  table.insert(slot, hashOf(book, 2) + 1);
}

const faults: readonly (readonly [string, (book: OrderBook) => void, RegExp])[] = [
  ["a total too high", (b) => b.parts.bids.levels.setTotal(bidAt(b, 98), 3), /total 3, its orders have 2/],
  ["a total of 0", (b) => b.parts.bids.levels.setTotal(bidAt(b, 98), 0), /bid level 98: total 0/],
  ["a negative total", (b) => b.parts.bids.levels.setTotal(bidAt(b, 98), -2), /bid level 98: total -2/],
  [
    "a total over 2^53 - 1",
    (b) => b.parts.bids.levels.setTotal(bidAt(b, 98), 2 ** 53),
    /total 9007199254740992/,
  ],
  ["a wrong count", (b) => b.parts.bids.levels.setCount(bidAt(b, 99), 3), /counts 3 orders, has 2/],
  [
    "a lost nameless order",
    (b) => b.parts.bids.levels.setNameless(bidAt(b, 99), 0),
    /nameless slot 0, must be 8/,
  ],
  [
    "an order's quantity changed alone",
    (b) => b.parts.orders.setQuantity(slotOf(b, 2), 9),
    /its orders have 9/,
  ],
  ["an order with nothing", (b) => b.parts.orders.setQuantity(slotOf(b, 2), 0), /quantity 0/],
  ["an order on another level", (b) => b.parts.orders.setLevel(slotOf(b, 2), bidAt(b, 97)), /has no orders/],
  [
    "an order on no level",
    (b) => b.parts.orders.setLevel(slotOf(b, 2), 4000),
    /handle 4000, which is no level/,
  ],
  ["an order that is released alone", (b) => b.parts.orders.release(slotOf(b, 2)), /holds no named order/],
  [
    "an order that is not in the index",
    (b) => b.parts.index.table.remove(slotOf(b, 2), hashOf(b, 2)),
    /leads to slot 0/,
  ],
  [
    "an order that is in the index twice",
    (b) => b.parts.index.table.insert(slotOf(b, 2), hashOf(b, 2)),
    /index has 79 entries/,
  ],
  ["two orders with one id", (b) => b.parts.orders.setName(slotOf(b, 2), 3, 0), /its name leads to slot/],
  ["an entry with a wrong hash", enterWronglyHashed, /its name leads to slot 0/],
  ["an entry wiped out", (b) => b.parts.index.table.entries.fill(0), /index has \d+ entries for 78/],
  ["a key that was let go", (b) => b.parts.index.keys.release(0), /38 keys are kept for 39/],
  ["a wrong count of orders", (b) => (b.parts.orders.live += 1), /79 orders are live, 80 are counted/],
  ["a level's bit lost", (b) => b.parts.asks.pages.setBitmap(1, 0), /has no level|quad \d is/],
  ["a bit too many", (b) => b.parts.asks.pages.setBitmap(1, -1), /asks: page number \d+: quad/],
  ["a quad lost", (b) => b.parts.asks.pages.setQuad(1, 5, 0), /quad/],
  ["a wrong count of levels", (b) => (b.parts.asks.levelCount += 1), /40 levels are counted, 39/],
  ["a wrong best price", (b) => (b.parts.asks.bestRank += 1), /best rank is 151, must be 150/],
  ["levels out of order", swapPages, /stands after/],
  ["a wrong first number of a block", (b) => (b.parts.asks.directory.firsts[0] = 77), /another first number/],
  ["a block of length 0", (b) => (b.parts.bids.directory.blocks[0]!.length = 0), /has length 0/],
  ["a page that the table does not find", forgetFirstPage, /the page table says 0/],
  ["a page that the directory lost", (b) => b.parts.asks.directory.remove(4), /the directory does not/],
  ["what a closed level left behind", leaveTotal, /asks: rank 2062 has no level and is not empty/],
];

describe("checkIntegrity", () => {
  test("finds nothing in a sound book", () => {
    expect(checkIntegrity(createBook())).toEqual([]);
  });

  test.each(faults)("finds %s", (_, plant, line) => {
    const book = createBook();
    plant(book);
    expect(checkIntegrity(book).join("\n")).toMatch(line);
  });

  test("finds a crossed book under REJECT", () => {
    const rules = { ...createBook().rules, crossPolicy: CrossPolicy.flag };
    const book = new OrderBook(rules, 1);
    const crossing = [
      { action: 1, id: 1n, side: 1, price: 5, quantity: 1 },
      { action: 1, id: 2n, side: 2, price: 5, quantity: 1 },
    ];
    book.apply(eventColumns(crossing), new BatchTally());
    expect(checkIntegrity(book)).toEqual([]);
    Object.defineProperty(book, "rules", { value: { ...rules, crossPolicy: CrossPolicy.reject } });
    expect(checkIntegrity(book)).toEqual(["best bid 5 reaches best ask 5 under REJECT"]);
  });

  test("finds quantities off the lot size", () => {
    const book = createBook();
    Object.defineProperty(book, "rules", { value: { ...book.rules, lotSize: 40 } });
    expect(checkIntegrity(book).length).toBe(79);
  });

  test("reports no more than 100 faults", () => {
    const events = Array.from({ length: 300 }, (_, n) => ({
      action: 1,
      id: BigInt(n + 1),
      side: 1,
      price: n,
      quantity: 1,
    }));
    const book = new OrderBook({ ...createBook().rules, liveOrdersMax: 300, levelsPerSideMax: 300 }, 1);
    book.apply(eventColumns(events), new BatchTally());
    for (const doubles of book.parts.orders.doubles) doubles.fill(0);
    expect(checkIntegrity(book).length).toBe(100);
  });
});
