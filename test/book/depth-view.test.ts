import { describe, expect, test } from "vitest";
import { DepthDelta } from "../../src/book/depth-delta.ts";
import { DepthView } from "../../src/book/depth-view.ts";
import { BookState } from "../../src/book/depth.ts";
import { type SimulatedLevel, depthOf } from "../support/simulated-depth.ts";

type Levels = Record<number, SimulatedLevel>;

function bids(levels: Levels): Map<number, SimulatedLevel> {
  return new Map(Object.entries(levels).map(([price, level]) => [Number(price), level]));
}

/** A book with these bids and one ask at 1,000. */
function book(levels: Levels, sequence: number, levelsMax = 10): ReturnType<typeof depthOf> {
  return depthOf({ bids: bids(levels), asks: new Map([[1000, [1, 1]]]) }, sequence, levelsMax);
}

function deltaSince(view: DepthView, since: number): { bids: number[][]; asks: number[][] } {
  const delta = new DepthDelta();
  expect(view.collectDelta(since, delta)).toBe(true);
  return { bids: entriesOf(delta.bids), asks: entriesOf(delta.asks) };
}

function entriesOf(side: DepthDelta["bids"]): number[][] {
  return Array.from({ length: side.length }, (_, n) => [
    side.price[n]!,
    side.quantity[n]!,
    side.orderCount[n]!,
  ]);
}

describe("refresh", () => {
  test("takes the example of the protocol and its checksum", () => {
    const view = new DepthView(20);
    const changed = view.refresh(
      depthOf({ bids: new Map([[100, [7, 1]]]), asks: new Map([[101, [3, 1]]]) }, 2, 20),
    );
    expect(changed).toBe(true);
    expect(view.checksum).toBe(0x7a4128ef);
    expect(view.sequence).toBe(2);
    expect(view.state).toBe(BookState.open);
    expect(view.changes).toBe(1);
    expect(view.sourceTimeLow).toBe(2);
  });

  test("of an empty book at sequence 0 initializes", () => {
    const view = new DepthView(1);
    expect(view.initialized).toBe(false);
    expect(view.refresh(depthOf({ bids: new Map(), asks: new Map() }, 0, 1))).toBe(true);
    expect(view.initialized).toBe(true);
    expect(view.knows(0)).toBe(true);
    expect(view.refresh(book({ 10: [1, 1] }, 1))).toBe(true);
    expect(deltaSince(view, 0)).toEqual({ bids: [[10, 1, 1]], asks: [[1000, 1, 1]] });
  });

  test("at the same sequence does nothing, and the sequence never goes back", () => {
    const view = new DepthView(5);
    view.refresh(book({ 10: [1, 1] }, 5));
    expect(view.refresh(book({ 11: [1, 1] }, 5))).toBe(false);
    expect(view.bids.price[0]).toBe(10);
    expect(() => view.refresh(book({ 10: [1, 1] }, 4))).toThrow("never goes back");
  });

  test("sees an order count alone, and does not see levels beyond the depth", () => {
    const view = new DepthView(2);
    view.refresh(book({ 10: [5, 1], 9: [5, 1], 8: [5, 1] }, 1));
    expect(view.refresh(book({ 10: [5, 2], 9: [5, 1], 8: [5, 1] }, 2))).toBe(true);
    expect(deltaSince(view, 1).bids).toEqual([[10, 5, 2]]);
    expect(view.refresh(book({ 10: [5, 2], 9: [5, 1], 8: [7, 3] }, 3))).toBe(false);
    expect(view.sequence).toBe(3);
    expect(view.changes).toBe(2);
  });

  test("does not see a change that was undone before it", () => {
    const view = new DepthView(2);
    view.refresh(book({ 10: [5, 1] }, 1));
    expect(view.refresh(book({ 10: [5, 1] }, 3))).toBe(false);
    expect(deltaSince(view, 1)).toEqual({ bids: [], asks: [] });
  });
});

describe("collectDelta", () => {
  test("covers a level that is pushed out of the window and one that slides in", () => {
    const view = new DepthView(2);
    view.refresh(book({ 10: [5, 1], 9: [5, 1] }, 1));
    view.refresh(book({ 11: [1, 1], 10: [5, 1], 9: [5, 1] }, 2));
    expect(deltaSince(view, 1).bids).toEqual([
      [9, 0, 0],
      [11, 1, 1],
    ]);
    view.refresh(book({ 10: [5, 1], 9: [5, 1] }, 3));
    expect(deltaSince(view, 2).bids).toEqual([
      [11, 0, 0],
      [9, 5, 1],
    ]);
    // The same for one that skipped the state between: what comes back is repeated, what it never saw removed.
    expect(deltaSince(view, 1).bids).toEqual([
      [11, 0, 0],
      [9, 5, 1],
    ]);
  });

  test("lists removals first, best first, over several refreshes and on both sides", () => {
    const view = new DepthView(5);
    const asks = new Map<number, SimulatedLevel>([20, 21, 22, 23].map((price) => [price, [1, 1]]));
    const buys = new Map<number, SimulatedLevel>([10, 9, 8, 7].map((price) => [price, [1, 1]]));
    view.refresh(depthOf({ bids: buys, asks }, 1, 5));
    for (const [sequence, bid, ask] of [
      [2, 8, 22],
      [3, 10, 23],
      [4, 9, 20],
    ] as const) {
      buys.delete(bid);
      asks.delete(ask);
      view.refresh(depthOf({ bids: buys, asks }, sequence, 5));
    }
    asks.set(19, [2, 1]);
    view.refresh(depthOf({ bids: buys, asks }, 5, 5));
    expect(deltaSince(view, 1)).toEqual({
      bids: [
        [10, 0, 0],
        [9, 0, 0],
        [8, 0, 0],
      ],
      asks: [
        [20, 0, 0],
        [22, 0, 0],
        [23, 0, 0],
        [19, 2, 1],
      ],
    });
  });

  test("refuses a cursor from before the oldest tombstone, and keeps the newest three quarters", () => {
    const view = new DepthView(1, { tombstonesMax: 8 });
    for (let n = 0; n <= 8; n += 1) view.refresh(book({ [n + 1]: [1, 1] }, n));
    expect(view.knows(0)).toBe(true);
    view.refresh(book({ 100: [1, 1] }, 9));
    expect(view.collectDelta(0, new DepthDelta())).toBe(false);
    expect(view.knows(2)).toBe(true);
    expect(view.knows(1)).toBe(false);
    expect(deltaSince(view, 2).bids).toHaveLength(8);
  });

  test("refuses what is before the first state or after the last", () => {
    const view = new DepthView(1);
    const delta = new DepthDelta();
    expect(view.collectDelta(0, delta)).toBe(false);
    view.refresh(book({ 1: [1, 1] }, 10));
    expect(view.collectDelta(9, delta)).toBe(false);
    expect(view.collectDelta(11, delta)).toBe(false);
    expect(view.collectDelta(10, delta)).toBe(true);
    expect(delta.isEmpty).toBe(true);
  });

  test("outlives the ring of known states", () => {
    const view = new DepthView(1, { statesMax: 2 });
    for (let n = 0; n < 10; n += 1) view.refresh(book({ 1: [n + 1, 1] }, n));
    expect(view.knows(7)).toBe(false);
    expect(view.knows(8)).toBe(true);
    expect(view.changesAt(0)).toBe(view.changesAt(8));
    expect(deltaSince(view, 0).bids).toEqual([[1, 10, 1]]);
  });
});

test("changesAt counts the visible changes up to a state", () => {
  const view = new DepthView(1);
  view.refresh(book({ 1: [1, 1] }, 1));
  view.refresh(book({ 1: [1, 1] }, 2));
  view.refresh(book({ 1: [2, 1] }, 4));
  expect([1, 2, 4].map((sequence) => view.changesAt(sequence))).toEqual([1, 1, 2]);
  expect([1, 2, 3, 4].map((sequence) => view.knows(sequence))).toEqual([true, true, false, true]);
});

test("a view of 20 levels starts within 2 KB and stays within 8 KB in a lively book", () => {
  const view = new DepthView(20);
  expect(view.bytes).toBeLessThan(2048);
  for (let n = 0; n < 5000; n += 1) {
    const levels: Levels = {};
    for (let level = 0; level < 25; level += 1) levels[500 + ((n * 7) % 60) - level * 2] = [n + 1, 1];
    view.refresh(book(levels, n, 25));
  }
  expect(view.bytes).toBeLessThan(8192);
});

test("a deep view grows with what is in it", () => {
  const view = new DepthView(100_000);
  const before = view.bytes;
  expect(before).toBeLessThan(4096);
  const levels: Levels = {};
  for (let level = 0; level < 900; level += 1) levels[level] = [1, 1];
  view.refresh(book(levels, 1, 1000));
  expect(view.bids.length).toBe(900);
  expect(view.bytes).toBeLessThan(100_000);
});
