import { expect, test } from "vitest";
import { SlotTable } from "../../src/book/slot-table.ts";
import { type Random, withSeed } from "../support/random.ts";

/** Whether probing for a slot meets it before a gap, in one of the two tables. */
function canFind(table: SlotTable, slot: number, hash: number): boolean {
  return [table.entries, table.draining].some((entries) => {
    for (let step = 0; step < entries.length; step++) {
      const entry = entries[(hash + step) & (entries.length - 1)];
      if (entry === slot) return true;
      if (entry === 0) return false;
    }
    return false;
  });
}

function slotsIn(table: SlotTable): number[] {
  return [...table.entries, ...table.draining].filter((slot) => slot !== 0).toSorted((a, b) => a - b);
}

/** Checks that exactly the `live` slots are in the table, each to be found. */
function expectSound(table: SlotTable, live: readonly number[], hashOf: (slot: number) => number): void {
  expect(table.count).toBe(live.length);
  expect(slotsIn(table)).toEqual(live.toSorted((a, b) => a - b));
  expect(live.filter((slot) => !canFind(table, slot, hashOf(slot)))).toEqual([]);
}

const hashes: Record<string, (slot: number) => number> = {
  spread: (slot) => Math.imul(slot, 0x9e3779b1) ^ (slot >>> 3),
  "few homes, long runs": (slot) => (slot * 7) % 5,
  "two homes, long runs": (slot) => (slot % 2 === 0 ? 3 : 20),
  "all homes at the end, so that runs wrap round": (slot) => -1 - (slot % 3),
};

function removeAny(live: number[], random: Random): number {
  const at = random.between(0, live.length - 1);
  const slot = live[at]!;
  live[at] = live.at(-1)!;
  live.pop();
  return slot;
}

test.each(Object.entries(hashes))(
  "insertions and removals in any order, with hashes that are %s",
  async (_, hashOf) => {
    await withSeed((random) => {
      const table = new SlotTable({ hashOf });
      const live: number[] = [];
      let drainingSteps = 0;
      for (let slot = 1; slot <= 300; slot++) {
        table.insert(slot);
        live.push(slot);
        if (random.chance(40)) table.remove(removeAny(live, random));
        if (table.isDraining) drainingSteps += 1;
        expectSound(table, live, hashOf);
      }
      expect(drainingSteps).toBeGreaterThan(20);
      while (live.length > 0) {
        table.remove(removeAny(live, random));
        expectSound(table, live, hashOf);
      }
      expect(table.draining.length).toBe(1);
    });
  },
);

test("growth is paid in steps: no operation moves more than a few runs of entries", () => {
  let moved = 0;
  const hashOf = (slot: number): number => {
    moved += 1;
    return Math.imul(slot, 0x9e3779b1) ^ (slot >>> 5);
  };
  const table = new SlotTable({ hashOf });
  let most = 0;
  let growths = 0;
  let wasDraining = false;
  for (let slot = 1; slot <= 200_000; slot++) {
    moved = 0;
    table.insert(slot);
    most = Math.max(most, moved);
    if (table.isDraining && !wasDraining) growths += 1;
    wasDraining = table.isDraining;
  }
  expect(growths).toBeGreaterThan(10);
  expect(most).toBeLessThan(100);
  expect(table.entries.length).toBe(2 ** 19);
});

test("a drain ends before the next growth begins, at the least possible pace too", () => {
  const table = new SlotTable({ hashOf: (slot) => Math.imul(slot, 0x9e3779b1) });
  for (let slot = 1; slot <= 5000; slot++) {
    const entries = table.entries.length;
    const wasDraining = table.isDraining;
    table.insert(slot);
    expect(wasDraining && table.entries.length !== entries).toBe(false);
  }
});

test("a run of entries is drained as a whole, so the rest of it can be found", () => {
  const hashOf = hashes["two homes, long runs"]!;
  const table = new SlotTable({ hashOf });
  const live = Array.from({ length: 16 }, (_, n) => n + 1);
  for (const slot of live) table.insert(slot);
  for (let slot = 17; slot <= 20; slot++) {
    table.insert(slot);
    live.push(slot);
    expectSound(table, live, hashOf);
  }
  expect(table.isDraining).toBe(true);
});

test("removal of a slot that is not there is a bug, and said so", () => {
  const table = new SlotTable({ hashOf: () => 3 });
  table.insert(1);
  expect(() => table.remove(2)).toThrow("invariant");
});

test("cleared, it is as small as at the start", () => {
  const table = new SlotTable({ hashOf: (slot) => slot });
  for (let slot = 1; slot <= 100; slot++) table.insert(slot);
  table.clear();
  expectSound(table, [], () => 0);
  expect(table.entries.length + table.draining.length).toBe(2);
  expect(table.probeLengths()).toEqual({ mean: 0, max: 0 });
  table.insert(7);
  expectSound(table, [7], (slot) => slot);
});
