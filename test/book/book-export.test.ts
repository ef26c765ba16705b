import { expect, test } from "vitest";
import type { BookExport } from "../../src/book/book-export.ts";
import { type BookRules, CrossPolicy } from "../../src/book/instrument.ts";
import { checkIntegrity } from "../../src/book/integrity.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { BatchTally } from "../../src/book/rejection.ts";
import { DepthcastError } from "../../src/errors.ts";
import { eventColumns } from "../support/event-columns.ts";

const LARGEST = 2 ** 53 - 1;

const rules: BookRules = {
  crossPolicy: CrossPolicy.flag,
  tickSize: 5,
  lotSize: 2,
  liveOrdersMax: 10,
  levelsPerSideMax: 10,
};

function createBook(): OrderBook {
  const book = new OrderBook(rules, 1);
  const events = [
    { action: 1, id: 2n ** 64n - 1n, side: 1, price: -100, quantity: 2 },
    { action: 1, key: "first-key", side: 2, price: 100, quantity: 4 },
    { action: 1, key: "x".repeat(64), side: 2, price: 105, quantity: 6 },
    { action: 5, side: 2, price: 105, quantity: 8 },
    { action: 1, id: 7n, side: 1, price: 0, quantity: 10 },
    { action: 3, id: 8n },
    { action: 3, key: "first-key" },
  ];
  book.apply(eventColumns(events), new BatchTally());
  return book;
}

function stateOf(
  change: (state: { -readonly [Key in keyof BookExport]: BookExport[Key] }) => void,
): BookExport {
  const state = { ...createBook().exportState() };
  change(state);
  return state;
}

test("an export has one entry an order and is no longer than it must be", () => {
  const state = createBook().exportState();
  expect([state.sequence, state.length, state.keyBytes.length]).toEqual([6, 4, 64]);
  const orders = Array.from({ length: 4 }, (_, at) => ({
    side: state.side[at],
    nameless: state.nameless[at],
    price: state.price[at],
    quantity: state.quantity[at],
    id: [state.orderIdLow[at], state.orderIdHigh[at]],
    keyLength: state.keyLength[at],
  })).toSorted((a, b) => a.quantity! - b.quantity!);
  expect(orders).toEqual([
    { side: 1, nameless: 0, price: -100, quantity: 2, id: [-1, -1], keyLength: 0 },
    { side: 2, nameless: 0, price: 105, quantity: 6, id: [0, 0], keyLength: 64 },
    { side: 2, nameless: 1, price: 105, quantity: 8, id: [0, 0], keyLength: 0 },
    { side: 1, nameless: 0, price: 0, quantity: 10, id: [7, 0], keyLength: 0 },
  ]);
});

test("an export can be transferred, and the book lives on without it", () => {
  const book = createBook();
  const state = book.exportState();
  const buffers = Object.values(state).flatMap((column) =>
    ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [],
  );
  expect(new Set(buffers).size).toBe(9);
  const received = structuredClone(state, { transfer: buffers });
  const restored = OrderBook.restore(rules, received, 2);
  expect(restored.stateHash()).toBe(book.stateHash());
  expect([...checkIntegrity(book), ...checkIntegrity(restored)]).toEqual([]);
});

test("an empty book is exported and restored", () => {
  const book = OrderBook.restore(rules, new OrderBook(rules, 1).exportState(), 2);
  expect([book.isEmpty(), book.sequence, checkIntegrity(book).length]).toEqual([true, 0, 0]);
  expect(book.stateHash()).toBe(new OrderBook(rules, 3).stateHash());
});

test("capacities that have been lowered since hold for new orders only", () => {
  const book = OrderBook.restore(
    { ...rules, liveOrdersMax: 1, levelsPerSideMax: 1 },
    createBook().exportState(),
    2,
  );
  expect(book.liveOrders).toBe(4);
});

const damages: readonly (readonly [string, BookExport, RegExp])[] = [
  ["side", stateOf((state) => (state.side[0] = 3)), /order 0: no side/],
  ["price", stateOf((state) => (state.price[1] = 1)), /order 1: bad price/],
  ["fraction", stateOf((state) => (state.price[1] = 2.5)), /order 1: bad price/],
  ["quantity", stateOf((state) => (state.quantity[1] = 0)), /order 1: bad quantity/],
  ["lot", stateOf((state) => (state.quantity[1] = 3)), /order 1: quantity off the lot size/],
  ["nameless with id", stateOf((state) => state.nameless.fill(1)), /not exactly one name/],
  ["no name", stateOf((state) => state.keyLength.fill(0)), /not exactly one name/],
  ["key out of range", stateOf((state) => state.keyOffset.fill(1)), /key out of range/],
  [
    "key too long",
    stateOf((state) => (state.keyLength[state.keyLength.indexOf(64)] = 65)),
    /key out of range/,
  ],
  ["sequence", stateOf((state) => (state.sequence = -1)), /sequence out of range/],
  ["columns too short", stateOf((state) => (state.length = 5)), /order 4: no side/],
  [
    "one name twice",
    stateOf((state) => {
      state.orderIdHigh.fill(0);
      for (const [at, low] of state.orderIdLow.entries()) if (low !== 0) state.orderIdLow[at] = 9;
    }),
    /name used twice/,
  ],
  [
    "two nameless orders",
    stateOf((state) => {
      state.nameless.set(state.keyLength.map((length) => (length > 0 ? 1 : 0)));
      state.nameless[3 - 1] = 1;
      state.keyLength.fill(0);
      state.nameless.set(state.side.map((side) => (side === 2 ? 1 : 0)));
    }),
    /second nameless order/,
  ],
  [
    "level over 2^53 - 1",
    stateOf((state) => {
      for (const [at, side] of state.side.entries()) if (side === 2) state.quantity[at] = LARGEST - 1;
    }),
    /level total over/,
  ],
];

test.each(damages)("a damaged export is refused and says where: %s", (_, state, message) => {
  expect(() => OrderBook.restore(rules, state, 2)).toThrow(message);
  expect(() => OrderBook.restore(rules, state, 2)).toThrow(DepthcastError);
});

test("a crossed book is not restored under REJECT", () => {
  const book = createBook();
  book.apply(eventColumns([{ action: 1, id: 9n, side: 1, price: 200, quantity: 2 }]), new BatchTally());
  const state = book.exportState();
  expect(OrderBook.restore(rules, state, 2).state()).toBe(3);
  expect(() => OrderBook.restore({ ...rules, crossPolicy: CrossPolicy.reject }, state, 2)).toThrow(/crossed/);
});
