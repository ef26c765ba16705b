import { describe, expect, test } from "vitest";
import { Ladder } from "../../src/book/ladder.ts";
import { Side } from "../../src/book/order-events.ts";
import { seededHash } from "../../src/book/seeded-hash.ts";
import { withSeed } from "../support/random.ts";

const LARGEST = 2 ** 53 - 1;

function createLadder(side: Side, tickSize = 1): Ladder {
  return new Ladder(side, tickSize, seededHash(11));
}

function addAt(ladder: Ladder, price: number, quantity: number): number {
  const rank = ladder.rankOf(price);
  const handle = ladder.find(rank) || ladder.open(rank);
  ladder.addOrder(handle, quantity);
  return handle;
}

function topOf(ladder: Ladder, levels: number): number[][] {
  const price = new Float64Array(levels);
  const quantity = new Float64Array(levels);
  const orderCount = new Uint32Array(levels);
  const copied = ladder.copyTop(levels, price, quantity, orderCount);
  return Array.from({ length: copied }, (_, i) => [price[i]!, quantity[i]!, orderCount[i]!]);
}

describe.each([
  ["bids", Side.bid],
  ["asks", Side.ask],
] as const)("%s", (_, side) => {
  const bestFirst = (prices: number[]): number[] =>
    prices.toSorted((a, b) => (side === Side.bid ? b - a : a - b));

  test("prices of either sign, 0 and the extremes come back best first, none as -0", () => {
    const ladder = createLadder(side);
    const prices = [0, -1, 1, 31, 32, 33, -31, -32, -33, 2 ** 31, -(2 ** 31), 2 ** 32, LARGEST, -LARGEST];
    for (const price of prices) addAt(ladder, price, 2);
    expect(topOf(ladder, 100)).toEqual(bestFirst(prices).map((price) => [price, 2, 1]));
    expect(ladder.bestPrice()).toBe(bestFirst(prices)[0]);
    for (const price of prices)
      expect(ladder.priceOf(ladder.rankAt(ladder.find(ladder.rankOf(price))))).toBe(price);
  });

  test("a price of -0 is a price of 0", () => {
    const ladder = createLadder(side);
    expect(addAt(ladder, -0, 1)).toBe(addAt(ladder, 0, 1));
    expect(topOf(ladder, 2)).toEqual([[0, 2, 2]]);
    expect(ladder.bestPrice()).toBe(0);
  });

  test("neighbouring ticks of a large tick size share a page", () => {
    const ladder = createLadder(side, 2 ** 40);
    for (let tick = 0; tick < 32; tick++) addAt(ladder, (side === Side.bid ? -tick : tick) * 2 ** 40, 1);
    expect(ladder.pages.live).toBe(1);
    expect(ladder.levels.live).toBe(8);
    expect(topOf(ladder, 2)[1]![0]).toBe((side === Side.bid ? -1 : 1) * 2 ** 40);
  });

  test("a level without orders is gone with its quad and page, and the best price moves on", () => {
    const ladder = createLadder(side);
    const far = addAt(ladder, side === Side.bid ? -1000 : 1000, 5);
    const near = addAt(ladder, 0, 3);
    addAt(ladder, 0, 4);
    ladder.removeOrder(near, 3);
    expect(topOf(ladder, 9)[0]).toEqual([0, 4, 1]);
    ladder.removeOrder(near, 4);
    expect(ladder.bestPrice()).toBe(side === Side.bid ? -1000 : 1000);
    expect([ladder.levelCount, ladder.pages.live, ladder.levels.live]).toEqual([1, 1, 1]);
    ladder.removeOrder(far, 5);
    expect(ladder.bestPrice()).toBeUndefined();
    expect([ladder.levelCount, ladder.pages.live, ladder.levels.live]).toEqual([0, 0, 0]);
  });

  test("handles stay good while other levels come and go", async () => {
    await withSeed((random) => {
      const ladder = createLadder(side);
      const handles = new Map<number, number>();
      const moved: number[] = [];
      for (let step = 0; step < 4000; step++) {
        const price = random.between(-500, 500) * (random.chance(50) ? 1 : 1_000_003);
        const handle = handles.get(price);
        if (handle === undefined) {
          handles.set(price, addAt(ladder, price, 1));
        } else {
          if (ladder.rankAt(handle) !== ladder.rankOf(price)) moved.push(price);
          ladder.removeOrder(handle, 1);
          handles.delete(price);
        }
      }
      expect(topOf(ladder, 5000).map(([price]) => price)).toEqual(bestFirst([...handles.keys()]));
      expect(ladder.levelCount).toBe(handles.size);
      expect(moved).toEqual([]);
    });
  });

  test("levels that come and go all over use the same memory again", () => {
    const ladder = createLadder(side);
    for (let turn = 0; turn < 5000; turn++) ladder.removeOrder(addAt(ladder, turn * 1_000_003, 1), 1);
    expect([ladder.levels.words.length, ladder.pages.words.length]).toEqual([1, 1]);
    expect(ladder.directory.blocks.length).toBe(0);
  });

  test.each([1, 2 ** 5, 2 ** 20, 2 ** 37])("pages of prices %d apart are found in few steps", (step) => {
    const ladder = createLadder(side);
    for (let n = 0; n < 10_000; n++) addAt(ladder, n * step, 1);
    const { mean, max } = ladder.pages.table.probeLengths();
    expect(mean).toBeLessThan(1.5);
    expect(max).toBeLessThan(40);
  });

  test("no more levels are copied than asked for", () => {
    const ladder = createLadder(side);
    for (let price = 0; price < 100; price++) addAt(ladder, price, 1);
    expect(topOf(ladder, 40).length).toBe(40);
    expect(topOf(ladder, 0)).toEqual([]);
  });
});
