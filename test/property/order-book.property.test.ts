import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BookRules, CrossPolicy } from "../../src/book/instrument.ts";
import { checkIntegrity } from "../../src/book/integrity.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import type { Side } from "../../src/book/order-events.ts";
import { BatchTally, rejectReason, type RejectRule } from "../../src/book/rejection.ts";
import { eventColumns } from "../support/event-columns.ts";
import { NaiveBook, type TestOrderEvent } from "../support/naive-book.ts";

const LARGEST = 2 ** 53 - 1;

/** Where prices lie. Few values, so that events meet. */
interface Region {
  readonly name: string;
  readonly prices: readonly number[];
  readonly tickSize: number;
}

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step);

const regions: readonly Region[] = [
  { name: "dense around zero", prices: range(-20, 20), tickSize: 1 },
  { name: "over several pages", prices: range(-2000, 2000, 37), tickSize: 0 },
  { name: "with a tick size", prices: range(-90, 90, 5), tickSize: 5 },
  {
    name: "sparse and huge",
    prices: [...range(LARGEST - 3, LARGEST), ...range(-LARGEST, -LARGEST + 3), -1, 0, 1, 2 ** 31, -(2 ** 40)],
    tickSize: 0,
  },
  {
    name: "far apart with a huge tick",
    prices: range(-2000, 2000, 400).map((n) => n * 2 ** 40),
    tickSize: 2 ** 40,
  },
];

const name = fc.oneof(
  { weight: 6, arbitrary: fc.bigInt({ min: 1n, max: 12n }).map((id) => ({ id })) },
  { weight: 2, arbitrary: fc.constantFrom(1n << 32n, 2n << 32n, 2n ** 64n - 1n).map((id) => ({ id })) },
  {
    weight: 4,
    arbitrary: fc.constantFrom("a", "b", "é", "k".repeat(64), "u".repeat(36)).map((key) => ({ key })),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({}, { id: 1n, key: "a" }, { key: "x".repeat(65) }, { id: 0n, key: "" }),
  },
);

function eventOf(region: Region, lotSize: number): fc.Arbitrary<TestOrderEvent> {
  const lot = Math.max(1, lotSize);
  const price = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...region.prices) },
    { weight: 1, arbitrary: fc.constantFrom(2 ** 53, -(2 ** 60), 7, -0) },
  );
  const quantity = fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 6 }).map((n) => n * lot) },
    { weight: 3, arbitrary: fc.constant(0) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(LARGEST - (LARGEST % lot), 2 ** 52 - (2 ** 52 % lot), 2 ** 60, 1),
    },
  );
  const fields = fc.record(
    { side: fc.constantFrom(1, 2, 1, 2, 1, 2, 1, 2, 0, 3), price, quantity },
    { requiredKeys: [] },
  );
  const full = fc.record({ side: fc.constantFrom(1, 2), price, quantity });
  const action = fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5);
  return fc.oneof(
    {
      weight: 60,
      arbitrary: fc.tuple(action, name, full).map(([a, n, f]) => ({ action: a, ...n, ...f })),
    },
    {
      weight: 25,
      arbitrary: fc.tuple(action, name, fields).map(([a, n, f]) => ({ action: a, ...n, ...f })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(6, 6, 0, 7, 255), name, fields)
        .map(([a, n, f]) => ({ action: a, ...n, ...f })),
    },
  );
}

const scenario = fc
  .record({
    region: fc.constantFrom(...regions),
    lotSize: fc.constantFrom(0, 1, 3, 100),
    crossPolicy: fc.constantFrom<CrossPolicy>(1, 2),
    liveOrdersMax: fc.constantFrom(1, 3, 8, 1000, 1000),
    levelsPerSideMax: fc.constantFrom(1, 2, 4, 1000, 1000),
    hashSeed: fc.integer(),
  })
  .chain((setting) =>
    fc.record({
      setting: fc.constant(setting),
      events: fc.array(eventOf(setting.region, setting.lotSize), { maxLength: 120, size: "max" }),
    }),
  );

function rulesOf(setting: {
  region: Region;
  lotSize: number;
  crossPolicy: CrossPolicy;
  liveOrdersMax: number;
  levelsPerSideMax: number;
}): BookRules {
  return { ...setting, tickSize: setting.region.tickSize };
}

function topOf(book: OrderBook, side: Side, levels: number): (readonly [number, number, number])[] {
  const price = new Float64Array(levels);
  const quantity = new Float64Array(levels);
  const orderCount = new Uint32Array(levels);
  const copied = book.copyTop(side, levels, price, quantity, orderCount);
  return Array.from({ length: copied }, (_, i) => [price[i]!, quantity[i]!, orderCount[i]!] as const);
}

/** Applies one event; returns the reason of the refusal or 0. */
function applyOne(book: OrderBook, event: TestOrderEvent): number {
  const tally = new BatchTally();
  book.apply(eventColumns([event]), tally);
  expect(tally.acceptedEvents + tally.rejectedEvents).toBe(1);
  return tally.listed === 0 ? 0 : rejectReason(tally.listedRule[0]! as RejectRule);
}

function expectEqual(book: OrderBook, model: NaiveBook): void {
  for (const side of [1, 2] as const) {
    const levels = model.levelCount(side);
    const expected = model.top(side, levels);
    expect(topOf(book, side, levels + 1)).toEqual(expected);
    expect(topOf(book, side, 2)).toEqual(expected.slice(0, 2));
    expect(book.levelCount(side)).toBe(levels);
    for (const [price, quantity, orderCount] of expected) {
      expect(book.quantityAt(side, price)).toBe(quantity);
      expect(book.orderCountAt(side, price)).toBe(orderCount);
    }
  }
  expect(book.bestBid()).toBe(model.best(1));
  expect(book.bestAsk()).toBe(model.best(2));
  expect(book.state()).toBe(model.state());
  expect(book.liveOrders).toBe(model.orders.size);
  expect(book.isEmpty()).toBe(model.orders.size === 0);
  expect(book.sequence).toBe(model.sequence);
  expect(checkIntegrity(book)).toEqual([]);
}

describe("order book against the naive model", () => {
  test("after each event totals, counts, order, state and refusals are equal, and integrity holds", () => {
    fc.assert(
      fc.property(scenario, ({ setting, events }) => {
        const book = new OrderBook(rulesOf(setting), setting.hashSeed);
        const model = new NaiveBook(rulesOf(setting));
        for (const event of events) {
          const before = book.stateHash();
          const verdict = applyOne(book, event);
          expect(verdict).toBe(model.apply(event));
          expect(book.stateHash() === before).toBe(verdict !== 0);
          expectEqual(book, model);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("a batch does what its events do one by one", () => {
    fc.assert(
      fc.property(scenario, ({ setting, events }) => {
        const book = new OrderBook(rulesOf(setting), setting.hashSeed);
        const model = new NaiveBook(rulesOf(setting));
        const tally = new BatchTally();
        book.apply(eventColumns(events), tally);
        const verdicts = events.map((event) => model.apply(event));
        const refused = verdicts.flatMap((verdict, index) => (verdict === 0 ? [] : [[index, verdict]]));
        const listed = Array.from({ length: tally.listed }, (_, at) => [
          tally.listedIndex[at],
          rejectReason(tally.listedRule[at]! as RejectRule),
        ]);
        expect(listed).toEqual(refused.slice(0, 100));
        expect(tally.rejectedEvents).toBe(refused.length);
        expect(tally.acceptedEvents).toBe(events.length - refused.length);
        expectEqual(book, model);
      }),
      { numRuns: 300 },
    );
  });

  test("an export restored under another seed is the same book, and both go on equally", () => {
    fc.assert(
      fc.property(scenario, fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), (run, seed, part) => {
        const rules = rulesOf(run.setting);
        const cut = Math.floor(run.events.length * part);
        const book = new OrderBook(rules, run.setting.hashSeed);
        book.apply(eventColumns(run.events.slice(0, cut)), new BatchTally());
        const restored = OrderBook.restore(rules, structuredClone(book.exportState()), seed);
        expect(checkIntegrity(restored)).toEqual([]);
        expect(restored.stateHash()).toBe(book.stateHash());
        for (const event of run.events.slice(cut)) {
          expect(applyOne(restored, event)).toBe(applyOne(book, event));
          expect(restored.stateHash()).toBe(book.stateHash());
        }
        expect(checkIntegrity(restored)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test("policy changes in the midst of a flow, and never REJECT over a locked or crossed book", () => {
    const policies = fc.array(fc.constantFrom<CrossPolicy>(1, 2), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(scenario, policies, ({ setting, events }, changes) => {
        const book = new OrderBook(rulesOf(setting), setting.hashSeed);
        const model = new NaiveBook(rulesOf(setting));
        for (const [index, event] of events.entries()) {
          const policy = index % 5 === 0 ? changes[(index / 5) % changes.length]! : model.rules.crossPolicy;
          expect(book.setCrossPolicy(policy)).toBe(model.setCrossPolicy(policy));
          expect(book.rules.crossPolicy).toBe(model.rules.crossPolicy);
          expect(applyOne(book, event)).toBe(model.apply(event));
          expect(book.state()).toBe(model.state());
        }
        expectEqual(book, model);
      }),
      { numRuns: 200 },
    );
  });
});
