import * as fc from "fast-check";
import { expect, test } from "vitest";
import { DepthDelta } from "../../src/book/depth-delta.ts";
import { DepthView, type DepthViewOptions } from "../../src/book/depth-view.ts";
import type { DepthSide } from "../../src/book/depth.ts";
import { type SimulatedBook, depthOf, levelsOf, zlibChecksum } from "../support/simulated-depth.ts";

/** One change of the simulated book; a quantity of 0 takes the level away, `clear` the whole side. */
interface Change {
  readonly side: "bids" | "asks";
  readonly price: number;
  readonly quantity: number;
  readonly orderCount: number;
  readonly clear: boolean;
}
/** What happens up to a refresh, and which consumers take its delta (bit n = consumer n). */
interface Step {
  readonly changes: readonly Change[];
  readonly reads: number;
}

const CONSUMERS = 4;

function change(priceMax: number): fc.Arbitrary<Change> {
  return fc.record({
    side: fc.constantFrom("bids" as const, "asks" as const),
    price: fc.integer({ min: -priceMax, max: priceMax }),
    quantity: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3 }), fc.maxSafeNat()),
    orderCount: fc.integer({ min: 1, max: 3 }),
    clear: fc.integer({ min: 0, max: 60 }).map((n) => n === 0),
  });
}

function steps(priceMax: number): fc.Arbitrary<Step[]> {
  const step = fc.record({
    changes: fc.array(change(priceMax), { maxLength: 12 }),
    reads: fc.nat(2 ** CONSUMERS - 1),
  });
  return fc.array(step, { minLength: 1, maxLength: 60, size: "max" });
}

/** A consumer that knows nothing of the view but what it is sent. */
class Consumer {
  book: SimulatedBook = { bids: new Map(), asks: new Map() };
  cursor = -1;

  takeSnapshot(view: DepthView): void {
    this.book = { bids: levelsOf(view.bids), asks: levelsOf(view.asks) };
    this.cursor = view.sequence;
  }

  takeDelta(delta: DepthDelta, sequence: number): void {
    for (const side of ["bids", "asks"] as const) {
      const prices = new Set<number>();
      for (const [price, quantity, orderCount] of entriesOf(delta[side])) {
        if (prices.has(price)) throw new Error(`price ${price} stands twice on one side`);
        prices.add(price);
        if (quantity === 0) this.book[side].delete(price);
        else this.book[side].set(price, [quantity, orderCount]);
      }
    }
    this.cursor = sequence;
  }
}

function entriesOf(side: DepthSide): [number, number, number][] {
  const entries: [number, number, number][] = [];
  for (let index = 0; index < side.length; index += 1) {
    entries.push([side.price[index]!, side.quantity[index]!, side.orderCount[index]!]);
  }
  return entries;
}

function applyChange(book: SimulatedBook, { side, price, quantity, orderCount, clear }: Change): void {
  if (clear) book[side].clear();
  else if (quantity === 0) book[side].delete(price);
  else book[side].set(price, [quantity, orderCount]);
}

/** The newest top of the book as maps, cut to `levels`: what every consumer must hold. */
function topOf(book: SimulatedBook, levels: number): SimulatedBook {
  const top = depthOf(book, 0, levels);
  return { bids: levelsOf(top.bids), asks: levelsOf(top.asks) };
}

/** Runs a flow through a view with consumers that skip states; returns how many snapshots were needed. */
function run(flow: readonly Step[], depth: number, levelsRead: number, options?: DepthViewOptions): number {
  const view = new DepthView(depth, options);
  const book: SimulatedBook = { bids: new Map(), asks: new Map() };
  const consumers = Array.from({ length: CONSUMERS }, () => new Consumer());
  const delta = new DepthDelta();
  let sequence = 0;
  let resyncs = 0;
  for (const { changes, reads } of flow) {
    const before = topOf(book, depth);
    for (const each of changes) applyChange(book, each);
    sequence += changes.length;
    const after = topOf(book, depth);
    const first = !view.initialized;
    const changed = view.refresh(depthOf(book, sequence, levelsRead));
    expect(changed).toBe(first || !sameBooks(before, after));
    expect({ bids: levelsOf(view.bids), asks: levelsOf(view.asks) }).toEqual(after);
    expect(view.checksum).toBe(zlibChecksum(after));
    for (const [index, consumer] of consumers.entries()) {
      if ((reads & (1 << index)) === 0 || consumer.cursor === view.sequence) continue;
      if (consumer.cursor < 0 || !view.collectDelta(consumer.cursor, delta)) {
        if (consumer.cursor >= 0) resyncs += 1;
        consumer.takeSnapshot(view);
      } else {
        consumer.takeDelta(delta, view.sequence);
      }
      expect(sameBooks(consumer.book, after)).toBe(true);
      expect(zlibChecksum(consumer.book)).toBe(view.checksum);
    }
  }
  return resyncs;
}

function sameBooks(a: SimulatedBook, b: SimulatedBook): boolean {
  return sameSides(a.bids, b.bids) && sameSides(a.asks, b.asks);
}

function sameSides(a: SimulatedBook["bids"], b: SimulatedBook["bids"]): boolean {
  if (a.size !== b.size) return false;
  for (const [price, [quantity, orderCount]] of a) {
    const other = b.get(price);
    if (other?.[0] !== quantity || other[1] !== orderCount) return false;
  }
  return true;
}

const depths = fc.record({ depth: fc.integer({ min: 1, max: 12 }), extra: fc.integer({ min: 0, max: 6 }) });

test("consumers that skip any states hold exactly the newest top of the book", () => {
  fc.assert(
    fc.property(steps(12), depths, (flow, { depth, extra }) => {
      expect(run(flow, depth, depth + extra)).toBe(0);
    }),
    { numRuns: 150 },
  );
});

test("deltas over removals that were given up are refused, and a snapshot mends it", () => {
  let resyncs = 0;
  fc.assert(
    fc.property(steps(20), depths, fc.nat(8), (flow, { depth, extra }, tombstonesMax) => {
      resyncs += run(flow, depth, depth + extra, { tombstonesMax });
    }),
    { numRuns: 150 },
  );
  expect(resyncs).toBeGreaterThan(50);
});

test("for one that keeps up, a delta is the net change and nothing else", () => {
  fc.assert(
    fc.property(steps(8), depths, (flow, { depth, extra }) => {
      const view = new DepthView(depth);
      const book: SimulatedBook = { bids: new Map(), asks: new Map() };
      const delta = new DepthDelta();
      view.refresh(depthOf(book, 0, depth));
      let sequence = 0;
      for (const { changes } of flow) {
        const before = topOf(book, depth);
        for (const each of changes) applyChange(book, each);
        const after = topOf(book, depth);
        const since = sequence;
        sequence += changes.length;
        const changed = view.refresh(depthOf(book, sequence, depth + extra));
        expect(view.collectDelta(since, delta)).toBe(true);
        expect(delta.isEmpty).toBe(!changed);
        expect(entriesOf(delta.bids)).toEqual(netChange(before.bids, after.bids, (a, b) => b - a));
        expect(entriesOf(delta.asks)).toEqual(netChange(before.asks, after.asks, (a, b) => a - b));
      }
    }),
    { numRuns: 150 },
  );
});

/** Removals first, then changed levels, each best first. */
function netChange(
  before: SimulatedBook["bids"],
  after: SimulatedBook["bids"],
  compare: (a: number, b: number) => number,
): [number, number, number][] {
  const removed = [...before.keys()].filter((price) => !after.has(price)).toSorted(compare);
  const changed = [...after]
    .filter(([price, [quantity, count]]) => {
      const old = before.get(price);
      return old === undefined || old[0] !== quantity || old[1] !== count;
    })
    .toSorted(([a], [b]) => compare(a, b));
  return [
    ...removed.map((price): [number, number, number] => [price, 0, 0]),
    ...changed.map(([price, [quantity, count]]): [number, number, number] => [price, quantity, count]),
  ];
}

test("each state that is known can be resumed from, and no other is known", () => {
  fc.assert(
    fc.property(
      steps(15),
      depths,
      fc.integer({ min: 1, max: 40 }),
      fc.nat(30),
      (flow, { depth }, statesMax, tombstonesMax) => {
        const view = new DepthView(depth, { statesMax, tombstonesMax });
        const book: SimulatedBook = { bids: new Map(), asks: new Map() };
        const delta = new DepthDelta();
        const seen = new Map<number, { state: SimulatedBook; changes: number }>();
        let sequence = 0;
        for (const { changes } of flow) {
          for (const each of changes) applyChange(book, each);
          sequence += changes.length;
          view.refresh(depthOf(book, sequence, depth));
          seen.set(sequence, { state: topOf(book, depth), changes: view.changes });
          const recent = new Set([...seen.keys()].slice(-statesMax));
          for (let position = 0; position <= sequence + 2; position += 1) {
            if (!view.knows(position)) continue;
            expect(recent.has(position), `${position} was a state`).toBe(true);
            const { state, changes: changesThen } = seen.get(position)!;
            expect(view.changesAt(position)).toBe(changesThen);
            const consumer = new Consumer();
            consumer.book = { bids: new Map(state.bids), asks: new Map(state.asks) };
            expect(view.collectDelta(position, delta)).toBe(true);
            consumer.takeDelta(delta, view.sequence);
            expect(sameBooks(consumer.book, topOf(book, depth))).toBe(true);
          }
          expect(view.knows(sequence)).toBe(true);
        }
      },
    ),
    { numRuns: 100 },
  );
});
