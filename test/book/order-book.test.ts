import { describe, expect, test } from "vitest";
import { BookState } from "../../src/book/depth.ts";
import { type BookRules, CrossPolicy } from "../../src/book/instrument.ts";
import { checkIntegrity } from "../../src/book/integrity.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { OrderAction, Side } from "../../src/book/order-events.ts";
import { BatchTally, RejectRule } from "../../src/book/rejection.ts";
import { eventColumns } from "../support/event-columns.ts";
import type { TestOrderEvent } from "../support/naive-book.ts";

const LARGEST = 2 ** 53 - 1;
const { bid, ask } = Side;
const { add, update, reduce, setLevel, clear } = OrderAction;
const del = OrderAction.delete;

const freeRules: BookRules = {
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  liveOrdersMax: 1000,
  levelsPerSideMax: 1000,
};

/** A book with its own verdicts at hand: the rule that each event broke, 0 for accepted. */
function createBook(rules: Partial<BookRules> = {}, events: readonly TestOrderEvent[] = []) {
  const book = new OrderBook({ ...freeRules, ...rules }, 0x1234);
  const apply = (...list: readonly TestOrderEvent[]): number[] => {
    const tally = new BatchTally();
    book.apply(eventColumns(list), tally);
    const verdicts = list.map(() => 0);
    for (let at = 0; at < tally.listed; at++) verdicts[tally.listedIndex[at]!] = tally.listedRule[at]!;
    return verdicts;
  };
  expect(apply(...events)).toEqual(events.map(() => 0));
  const top = (side: Side): number[][] => {
    const price = new Float64Array(10);
    const quantity = new Float64Array(10);
    const orderCount = new Uint32Array(10);
    const copied = book.copyTop(side, 10, price, quantity, orderCount);
    return Array.from({ length: copied }, (_, i) => [price[i]!, quantity[i]!, orderCount[i]!]);
  };
  return { book, apply, top };
}

const bidAdd = (id: bigint, price: number, quantity: number): TestOrderEvent => ({
  action: add,
  id,
  side: bid,
  price,
  quantity,
});
const askAdd = (id: bigint, price: number, quantity: number): TestOrderEvent => ({
  ...bidAdd(id, price, quantity),
  side: ask,
});

describe("what each action does", () => {
  test("ADD sums orders of a price to a level", () => {
    const { book, top } = createBook({}, [bidAdd(1n, 100, 5), bidAdd(2n, 100, 7), askAdd(3n, 101, 1)]);
    expect(top(bid)).toEqual([[100, 12, 2]]);
    expect([book.bestBid(), book.bestAsk(), book.liveOrders, book.sequence]).toEqual([100, 101, 3, 3]);
    expect([book.levelCount(bid), book.levelCount(ask), book.state()]).toEqual([1, 1, BookState.open]);
  });

  test("UPDATE changes quantity in place, up and down", () => {
    const { apply, top } = createBook({}, [bidAdd(1n, 100, 5), bidAdd(2n, 100, 7)]);
    expect(apply({ action: update, id: 1n, quantity: 50 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 57, 2]]);
    expect(apply({ action: update, id: 1n, quantity: 1 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 8, 2]]);
  });

  test("UPDATE with a price moves the order, with and without a new quantity", () => {
    const { apply, top } = createBook({}, [bidAdd(1n, 100, 5), bidAdd(2n, 100, 7)]);
    expect(apply({ action: update, id: 1n, price: 98 })).toEqual([0]);
    expect(top(bid)).toEqual([
      [100, 7, 1],
      [98, 5, 1],
    ]);
    expect(apply({ action: update, id: 2n, price: 98, quantity: 1 })).toEqual([0]);
    expect(top(bid)).toEqual([[98, 6, 2]]);
    expect(apply({ action: update, id: 2n, price: 98, quantity: 2 })).toEqual([0]);
    expect(top(bid)).toEqual([[98, 7, 2]]);
  });

  test("UPDATE that changes nothing is accepted", () => {
    const { book, apply, top } = createBook({}, [bidAdd(1n, 100, 5)]);
    expect(apply({ action: update, id: 1n, price: 100, quantity: 5 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 5, 1]]);
    expect(book.sequence).toBe(2);
  });

  test("UPDATE with quantity 0 deletes, whatever its price", () => {
    const { book, apply } = createBook({ tickSize: 5 }, [bidAdd(1n, 100, 5), askAdd(2n, 105, 5)]);
    expect(apply({ action: update, id: 1n, price: 2 ** 60, quantity: 0 })).toEqual([0]);
    expect(apply({ action: update, id: 2n, price: 3, quantity: 0 })).toEqual([0]);
    expect(apply({ action: update, id: 1n, quantity: 0 })).toEqual([RejectRule.unknownOrder]);
    expect(book.isEmpty()).toBe(true);
  });

  test("REDUCE takes off; at 0 the order is gone; more than remains is refused", () => {
    const { apply, top } = createBook({}, [bidAdd(1n, 100, 5), bidAdd(2n, 99, 1)]);
    expect(apply({ action: reduce, id: 1n, quantity: 2 })).toEqual([0]);
    expect(apply({ action: reduce, id: 1n, quantity: 4 })).toEqual([RejectRule.reduceOverRemaining]);
    expect(apply({ action: reduce, id: 1n, quantity: 0 })).toEqual([RejectRule.quantityZero]);
    expect(top(bid)[0]).toEqual([100, 3, 1]);
    expect(apply({ action: reduce, id: 1n, quantity: 3 })).toEqual([0]);
    expect(top(bid)).toEqual([[99, 1, 1]]);
    expect(apply({ action: reduce, id: 1n, quantity: 1 })).toEqual([RejectRule.unknownOrder]);
  });

  test("DELETE takes the order out, and its id is free again, on either side", () => {
    const { apply, top } = createBook({}, [bidAdd(1n, 100, 5)]);
    expect(apply({ action: del, id: 1n }, { action: del, id: 1n })).toEqual([0, RejectRule.unknownOrder]);
    expect(apply(askAdd(1n, 90, 2))).toEqual([0]);
    expect([top(bid), top(ask)]).toEqual([[], [[90, 2, 1]]]);
  });

  test("SET_LEVEL replaces the one nameless order beside the named ones", () => {
    const level = { action: setLevel, side: bid, price: 100 };
    const { book, apply, top } = createBook({}, [bidAdd(1n, 100, 5)]);
    expect(apply({ ...level, quantity: 10 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 15, 2]]);
    expect(apply({ ...level, quantity: 3 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 8, 2]]);
    expect(book.liveOrders).toBe(2);
    expect(apply({ ...level, quantity: 0 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 5, 1]]);
    expect(apply({ ...level, quantity: 0 }, { ...level, price: 7, quantity: 0 })).toEqual([0, 0]);
    expect(book.sequence).toBe(6);
    expect(checkIntegrity(book)).toEqual([]);
  });

  test("a named order that leaves a level does not take the nameless one along, nor the other way round", () => {
    const { book, apply, top } = createBook({}, [
      bidAdd(1n, 100, 5),
      { action: setLevel, side: bid, price: 100, quantity: 2 },
    ]);
    expect(apply({ action: del, id: 1n })).toEqual([0]);
    expect(top(bid)).toEqual([[100, 2, 1]]);
    expect(apply(bidAdd(2n, 100, 1), { action: setLevel, side: bid, price: 100, quantity: 0 })).toEqual([
      0, 0,
    ]);
    expect(top(bid)).toEqual([[100, 1, 1]]);
    expect(checkIntegrity(book)).toEqual([]);
  });

  test("CLEAR empties the book and gives the memory back; the sequence goes on", () => {
    const many = Array.from({ length: 900 }, (_, n) => ({
      ...bidAdd(0n, -n * 64, 1),
      key: `key-${n}`,
    }));
    const { book, apply } = createBook({}, many);
    expect(apply({ action: clear })).toEqual([0]);
    expect([book.isEmpty(), book.liveOrders, book.sequence]).toEqual([true, 0, 901]);
    expect([book.bestBid(), book.levelCount(bid), book.state()]).toEqual([undefined, 0, BookState.open]);
    const { orders, index, bids } = book.parts;
    expect([orders.words.length, bids.pages.words.length, bids.levels.words.length]).toEqual([0, 0, 0]);
    expect([index.table.capacity, bids.pages.table.capacity]).toEqual([1, 1]);
    expect(apply(...many)).toEqual(many.map(() => 0));
    expect(checkIntegrity(book)).toEqual([]);
  });

  test("ids use all 64 bits, and a key is no id", () => {
    const { book, apply } = createBook({}, [
      bidAdd(1n, 100, 1),
      bidAdd(1n << 32n, 100, 1),
      bidAdd((1n << 32n) | 1n, 100, 1),
      bidAdd(2n ** 64n - 1n, 100, 1),
      { ...bidAdd(0n, 100, 1), key: "\u0001" },
      { ...bidAdd(0n, 100, 1), key: "\u0001\0\0\0" },
    ]);
    expect(book.orderCountAt(bid, 100)).toBe(6);
    expect(apply({ action: del, id: 2n ** 63n }, { action: del, key: "2" })).toEqual([2, 2]);
    expect(apply({ action: del, key: "\u0001" }, { action: del, id: 1n })).toEqual([0, 0]);
    expect(book.orderCountAt(bid, 100)).toBe(4);
  });

  test("questions about prices where there can be no level", () => {
    const { book } = createBook({ tickSize: 4 }, [bidAdd(1n, 4, 3)]);
    for (const price of [5, 4.5, 2 ** 60, Number.NaN, Number.POSITIVE_INFINITY, 8, -4]) {
      expect([book.quantityAt(bid, price), book.orderCountAt(bid, price)]).toEqual([0, 0]);
    }
    expect([book.quantityAt(bid, 4), book.orderCountAt(bid, 4), book.quantityAt(ask, 4)]).toEqual([3, 1, 0]);
  });
});

describe("refusals", () => {
  const good = bidAdd(9n, 100, 10);
  const long = "x".repeat(65);
  /** In the order in which they are judged: each event breaks its rule and every later one that it can. */
  const cases: readonly (readonly [string, TestOrderEvent, number])[] = [
    ["action 0", { action: 0 }, RejectRule.unknownAction],
    ["action 7", { ...good, action: 7 }, RejectRule.unknownAction],
    ["both names", { action: add, id: 9n, key: "k" }, RejectRule.nameTwice],
    ["both names, the key too long", { action: add, id: 9n, key: long }, RejectRule.nameTwice],
    ["key too long", { action: add, key: long }, RejectRule.keyTooLong],
    ["no name", { action: add }, RejectRule.nameMissing],
    ["no side", { action: add, id: 9n }, RejectRule.sideMissing],
    ["side 3", { ...good, side: 3 }, RejectRule.sideMissing],
    ["no price", { action: add, id: 9n, side: bid }, RejectRule.priceMissing],
    ["price 2^53", { action: add, id: 9n, side: bid, price: 2 ** 53 }, RejectRule.priceOutOfRange],
    ["price off tick", { action: add, id: 9n, side: bid, price: 101 }, RejectRule.priceOffTick],
    ["no quantity", { action: add, id: 9n, side: bid, price: 100 }, RejectRule.quantityMissing],
    ["quantity 2^53", { ...good, quantity: 2 ** 53 }, RejectRule.quantityOutOfRange],
    ["quantity off lot", { ...good, quantity: 11 }, RejectRule.quantityOffLot],
    ["quantity 0", { ...good, quantity: 0 }, RejectRule.quantityZero],
    ["live id", { ...good, id: 1n, price: 120 }, RejectRule.duplicateOrder],
    ["crossing", { ...good, price: 120 }, RejectRule.wouldCross],
    ["too many orders", good, RejectRule.ordersFull],
    ["UPDATE without a name", { action: update }, RejectRule.nameMissing],
    ["UPDATE of nothing", { action: update, id: 9n }, RejectRule.nothingToUpdate],
    ["UPDATE off lot", { action: update, id: 9n, quantity: 11, price: 101 }, RejectRule.quantityOffLot],
    [
      "UPDATE with quantity 2^53",
      { action: update, id: 9n, quantity: 2 ** 53 },
      RejectRule.quantityOutOfRange,
    ],
    ["UPDATE off tick", { action: update, id: 9n, quantity: 10, price: 101 }, RejectRule.priceOffTick],
    ["UPDATE to price 2^53", { action: update, id: 9n, price: 2 ** 53 }, RejectRule.priceOutOfRange],
    ["UPDATE of an unknown order", { action: update, id: 9n, price: 120 }, RejectRule.unknownOrder],
    ["UPDATE that crosses", { action: update, id: 1n, price: 120 }, RejectRule.wouldCross],
    ["UPDATE to a new level too many", { action: update, id: 1n, price: 60 }, RejectRule.levelsFull],
    ["UPDATE to a level over 2^53 - 1", { action: update, id: 1n, price: 80 }, RejectRule.levelTotalOverflow],
    [
      "UPDATE in place over 2^53 - 1",
      { action: update, id: 1n, quantity: LARGEST - 1 },
      RejectRule.levelTotalOverflow,
    ],
    ["DELETE without a name", { action: del }, RejectRule.nameMissing],
    ["DELETE of an unknown order", { action: del, id: 9n }, RejectRule.unknownOrder],
    ["REDUCE without a quantity", { action: reduce, id: 9n }, RejectRule.quantityMissing],
    ["REDUCE off lot", { action: reduce, id: 9n, quantity: 1 }, RejectRule.quantityOffLot],
    ["REDUCE by 0", { action: reduce, id: 9n, quantity: 0 }, RejectRule.quantityZero],
    ["REDUCE of an unknown order", { action: reduce, id: 9n, quantity: 10 }, RejectRule.unknownOrder],
    ["REDUCE by too much", { action: reduce, id: 1n, quantity: 30 }, RejectRule.reduceOverRemaining],
    ["SET_LEVEL without a side", { action: setLevel, price: 100 }, RejectRule.sideMissing],
    ["SET_LEVEL without a price", { action: setLevel, side: bid }, RejectRule.priceMissing],
    ["SET_LEVEL without a quantity", { action: setLevel, side: bid, price: 100 }, RejectRule.quantityMissing],
    [
      "SET_LEVEL that crosses",
      { action: setLevel, side: bid, price: 120, quantity: 10 },
      RejectRule.wouldCross,
    ],
    [
      "SET_LEVEL with too many orders",
      { action: setLevel, side: bid, price: 60, quantity: 10 },
      RejectRule.ordersFull,
    ],
  ];

  test.each(cases)("%s", (_, event, rule) => {
    const { book, apply } = createBook({ tickSize: 20, lotSize: 2, liveOrdersMax: 4, levelsPerSideMax: 2 }, [
      bidAdd(1n, 100, 20),
      bidAdd(4n, 100, 2),
      bidAdd(2n, 80, LARGEST - 1),
      askAdd(3n, 120, 2),
    ]);
    const before = book.stateHash();
    expect(apply(event)).toEqual([rule]);
    expect(book.stateHash()).toBe(before);
    expect(checkIntegrity(book)).toEqual([]);
  });

  test("every rule has a case", () => {
    const seen = new Set(cases.map(([, , rule]) => rule));
    expect(Object.entries(RejectRule).filter(([, rule]) => !seen.has(rule))).toEqual([]);
  });

  test("an event that is refused stops no later one", () => {
    const { book, apply } = createBook();
    expect(apply(bidAdd(1n, 1, 1), bidAdd(1n, 2, 1), { action: 0 }, bidAdd(2n, 3, 1))).toEqual([
      0,
      RejectRule.duplicateOrder,
      RejectRule.unknownAction,
      0,
    ]);
    expect(book.sequence).toBe(2);
  });

  test("fields that an action does not use are ignored, however bad", () => {
    const junk = { side: 9, price: 2 ** 60, quantity: 2 ** 60 };
    const { book, apply } = createBook({ tickSize: 10 }, [bidAdd(1n, 100, 5), bidAdd(2n, 90, 5)]);
    expect(apply({ ...junk, action: update, id: 1n, price: 80, quantity: 4 })).toEqual([0]);
    expect(apply({ ...junk, action: reduce, id: 2n, quantity: 1 })).toEqual([0]);
    expect(apply({ ...junk, action: del, id: 1n })).toEqual([0]);
    expect(
      apply({ action: setLevel, id: 2n, key: "x".repeat(65), side: ask, price: 200, quantity: 1 }),
    ).toEqual([0]);
    expect(apply({ ...junk, action: clear, id: 5n, key: "x".repeat(65) })).toEqual([0]);
    expect(book.isEmpty()).toBe(true);
  });

  test("values that no decoder gives are refused all the same", () => {
    const { book } = createBook();
    const columns = eventColumns([good, good, good, good]);
    columns.price.set([Number.NaN, 1.5, 100, 100]);
    columns.quantity.set([1, 1, Number.NaN, -1]);
    const tally = new BatchTally();
    book.apply(columns, tally);
    expect([...tally.listedRule.subarray(0, 4)]).toEqual([
      RejectRule.priceOutOfRange,
      RejectRule.priceOffTick,
      RejectRule.quantityOutOfRange,
      RejectRule.quantityOutOfRange,
    ]);
  });
});

describe("capacity", () => {
  test("a move that empties its level makes room for the level it opens", () => {
    const { apply, top } = createBook({ levelsPerSideMax: 2 }, [bidAdd(1n, 100, 1), bidAdd(2n, 99, 1)]);
    expect(apply({ action: update, id: 1n, price: 50 })).toEqual([0]);
    expect(top(bid)).toEqual([
      [99, 1, 1],
      [50, 1, 1],
    ]);
    expect(apply(bidAdd(3n, 50, 1), { action: update, id: 3n, price: 49 })).toEqual([
      0,
      RejectRule.levelsFull,
    ]);
  });

  test("levels are counted side by side; nameless orders count as orders", () => {
    const { apply } = createBook({ levelsPerSideMax: 1, liveOrdersMax: 2 }, [bidAdd(1n, 100, 1)]);
    expect(apply({ action: setLevel, side: ask, price: 101, quantity: 1 })).toEqual([0]);
    expect(apply({ action: setLevel, side: ask, price: 101, quantity: 5 })).toEqual([0]);
    expect(apply({ action: setLevel, side: ask, price: 102, quantity: 1 })).toEqual([RejectRule.ordersFull]);
    expect(apply(bidAdd(2n, 100, 1))).toEqual([RejectRule.ordersFull]);
  });

  test("a level may hold 2^53 - 1 and not one more, by any way", () => {
    const { apply, top } = createBook({}, [
      bidAdd(1n, 100, LARGEST - 5),
      bidAdd(2n, 100, 5),
      bidAdd(3n, 99, 1),
    ]);
    const overflow = [RejectRule.levelTotalOverflow];
    expect(top(bid)[0]).toEqual([100, LARGEST, 2]);
    expect(apply(bidAdd(4n, 100, 1))).toEqual(overflow);
    expect(apply({ action: update, id: 2n, quantity: 6 })).toEqual(overflow);
    expect(apply({ action: update, id: 2n, price: 100, quantity: 6 })).toEqual(overflow);
    expect(apply({ action: update, id: 3n, price: 100 })).toEqual(overflow);
    expect(apply({ action: setLevel, side: bid, price: 100, quantity: 1 })).toEqual(overflow);
    expect(apply(bidAdd(5n, 99, LARGEST))).toEqual(overflow);
    expect(apply({ action: update, id: 2n, price: 100, quantity: 4 })).toEqual([0]);
    expect(apply({ action: update, id: 3n, price: 100 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, LARGEST, 3]]);
    expect(apply({ action: update, id: 1n, quantity: LARGEST })).toEqual(overflow);
  });

  test("a nameless order is replaced, not added to, when room is judged", () => {
    const level = { action: setLevel, side: bid, price: 100 };
    const { apply, top } = createBook({}, [bidAdd(1n, 100, 5), { ...level, quantity: LARGEST - 5 }]);
    expect(apply({ ...level, quantity: LARGEST - 4 })).toEqual([RejectRule.levelTotalOverflow]);
    expect(apply({ ...level, quantity: LARGEST - 6 })).toEqual([0]);
    expect(top(bid)).toEqual([[100, LARGEST - 1, 2]]);
  });
});

describe("crossing", () => {
  const events = [bidAdd(1n, 100, 1), askAdd(2n, 105, 1)];

  test("under REJECT nothing locks or crosses, and what only looks like it is applied", () => {
    const { book, apply } = createBook({}, events);
    const refused = [RejectRule.wouldCross];
    expect(apply(bidAdd(3n, 105, 1))).toEqual(refused);
    expect(apply(askAdd(3n, 99, 1))).toEqual(refused);
    expect(apply({ action: setLevel, side: ask, price: 100, quantity: 1 })).toEqual(refused);
    expect(apply({ action: setLevel, side: ask, price: 100, quantity: 0 })).toEqual([0]);
    expect(apply({ action: update, id: 1n, price: 105 })).toEqual(refused);
    // The only best ask moves up, then the bid to where the ask was.
    expect(apply({ action: update, id: 2n, price: 110 }, { action: update, id: 1n, price: 105 })).toEqual([
      0, 0,
    ]);
    // The only bid jumps down over its own price, and back to the same.
    expect(apply({ action: update, id: 1n, price: 109 }, { action: update, id: 1n, price: 109 })).toEqual([
      0, 0,
    ]);
    expect([book.bestBid(), book.bestAsk(), book.state()]).toEqual([109, 110, BookState.open]);
  });

  test("under FLAG the book tells its state", () => {
    const { book, apply } = createBook({ crossPolicy: CrossPolicy.flag }, events);
    expect(apply(bidAdd(3n, 105, 1))).toEqual([0]);
    expect(book.state()).toBe(BookState.locked);
    expect(apply(bidAdd(4n, 106, 1))).toEqual([0]);
    expect(book.state()).toBe(BookState.crossed);
    expect(book.setCrossPolicy(CrossPolicy.reject)).toBe(false);
    expect(book.rules.crossPolicy).toBe(CrossPolicy.flag);
    expect(apply({ action: del, id: 4n }, { action: del, id: 3n })).toEqual([0, 0]);
    expect(book.setCrossPolicy(CrossPolicy.reject)).toBe(true);
    expect(apply(bidAdd(3n, 105, 1))).toEqual([RejectRule.wouldCross]);
    expect(book.setCrossPolicy(CrossPolicy.flag)).toBe(true);
    expect(apply(bidAdd(3n, 105, 1))).toEqual([0]);
  });

  test("prices of 0 and the extremes cross like others", () => {
    const { apply } = createBook({}, [bidAdd(1n, -1, 1), askAdd(2n, 0, 1)]);
    expect(apply(bidAdd(3n, 0, 1), bidAdd(3n, LARGEST, 1))).toEqual([
      RejectRule.wouldCross,
      RejectRule.wouldCross,
    ]);
    expect(apply(askAdd(3n, -LARGEST, 1), bidAdd(3n, -LARGEST, 1))).toEqual([RejectRule.wouldCross, 0]);
  });
});
