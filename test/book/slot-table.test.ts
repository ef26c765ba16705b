import { expect, test } from "vitest";
import { ENTRY_WORDS, SlotTable } from "../../src/book/slot-table.ts";
import { type Random, withSeed } from "../support/random.ts";

/** Whether probing for a slot meets it before a gap, in one of the two tables. */
function canFind(table: SlotTable, slot: number, hash: number): boolean {
  return [table.entries, table.draining].some((entries) => {
    const length = entries.length / ENTRY_WORDS;
    for (let step = 0; step < length; step++) {
      const at = ((hash + step) & (length - 1)) * ENTRY_WORDS;
      const entry = entries[at];
      if (entry === slot) return entries[at + 1] === hash;
      if (entry === 0) return false;
    }
    return false;
  });
}

function slotsIn(table: SlotTable): number[] {
  return [...table.slots()].toSorted((a, b) => a - b);
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

function removeFrom(
  table: SlotTable,
  live: number[],
  random: Random,
  hashOf: (slot: number) => number,
): void {
  const at = random.between(0, live.length - 1);
  const slot = live[at]!;
  live[at] = live.at(-1)!;
  live.pop();
  table.remove(slot, hashOf(slot));
}

test.each(Object.entries(hashes))(
  "insertions and removals in any order, with hashes that are %s",
  async (_, hashOf) => {
    await withSeed((random) => {
      const table = new SlotTable();
      const live: number[] = [];
      let drainingSteps = 0;
      for (let slot = 1; slot <= 300; slot++) {
        table.insert(slot, hashOf(slot));
        live.push(slot);
        if (random.chance(40)) removeFrom(table, live, random, hashOf);
        if (table.isDraining) drainingSteps += 1;
        expectSound(table, live, hashOf);
      }
      expect(drainingSteps).toBeGreaterThan(20);
      while (live.length > 0) {
        removeFrom(table, live, random, hashOf);
        expectSound(table, live, hashOf);
      }
      expect(table.isDraining).toBe(false);
    });
  },
);

/** Where a search for a slot, 0 for none, ends in `entries`. */
function searched(table: SlotTable, slot: number, hash: number): number {
  let at = (hash * ENTRY_WORDS) & table.mask;
  while (table.entries[at] !== 0 && table.entries[at] !== slot) at = (at + ENTRY_WORDS) & table.mask;
  return at;
}

test.each(Object.entries(hashes))(
  "where searches ended is made use of, and comes to the same, with hashes that are %s",
  async (_, hashOf) => {
    await withSeed((random) => {
      const table = new SlotTable();
      const live: number[] = [];
      for (let slot = 1; slot <= 300; slot++) {
        table.insertAt(searched(table, 0, hashOf(slot)), slot, hashOf(slot));
        live.push(slot);
        if (random.chance(40)) {
          const [gone] = live.splice(random.between(0, live.length - 1), 1);
          // Perhaps where it was once.
          const position = random.chance(50)
            ? searched(table, gone!, hashOf(gone!))
            : random.between(0, 100) * ENTRY_WORDS;
          table.removeAt(position, gone!, hashOf(gone!));
        }
        expectSound(table, live, hashOf);
      }
    });
  },
);

test("growth is paid in steps: no operation moves more than a few runs of entries", () => {
  const table = new SlotTable();
  let old = table.draining;
  let firstLeft = 0;
  let most = 0;
  let growths = 0;
  for (let slot = 1; slot <= 200_000; slot++) {
    table.insert(slot, Math.imul(slot, 0x9e3779b1) ^ (slot >>> 5));
    if (table.draining !== old) {
      old = table.draining;
      firstLeft = 0;
      if (table.isDraining) growths += 1;
    }
    const before = firstLeft;
    while (firstLeft < old.length && old[firstLeft] === 0) firstLeft += ENTRY_WORDS;
    most = Math.max(most, (firstLeft - before) / ENTRY_WORDS);
  }
  expect(growths).toBeGreaterThan(10);
  expect(most).toBeLessThan(100);
  expect(table.capacity).toBe(2 ** 19);
});

const insertions: Record<string, (table: SlotTable, slot: number, hash: number) => void> = {
  "with a search": (table, slot, hash) => table.insert(slot, hash),
  "where a search ended": (table, slot, hash) => table.insertAt(searched(table, 0, hash), slot, hash),
};

test.each(Object.entries(insertions))(
  "a drain ends before the next growth begins, at the least possible pace too, inserted %s",
  (_, insert) => {
    const table = new SlotTable();
    for (let slot = 1; slot <= 5000; slot++) {
      const { capacity, isDraining } = table;
      insert(table, slot, Math.imul(slot, 0x9e3779b1));
      expect(isDraining && table.capacity !== capacity).toBe(false);
    }
  },
);

test("a run of entries is drained as a whole, so the rest of it can be found", () => {
  const hashOf = hashes["two homes, long runs"]!;
  const table = new SlotTable();
  const live = Array.from({ length: 16 }, (_, n) => n + 1);
  for (const slot of live) table.insert(slot, hashOf(slot));
  for (let slot = 17; slot <= 20; slot++) {
    table.insert(slot, hashOf(slot));
    live.push(slot);
    expectSound(table, live, hashOf);
  }
  expect(table.isDraining).toBe(true);
});

test("removal of a slot that is not there is a bug, and said so", () => {
  const table = new SlotTable();
  table.insert(1, 3);
  expect(() => table.remove(2, 3)).toThrow("invariant");
});

test("cleared, it is as small as at the start", () => {
  const table = new SlotTable();
  for (let slot = 1; slot <= 100; slot++) table.insert(slot, slot);
  table.clear();
  expectSound(table, [], () => 0);
  expect([table.capacity, table.isDraining]).toEqual([1, false]);
  expect(table.probeLengths()).toEqual({ mean: 0, max: 0 });
  table.insert(7, 7);
  expectSound(table, [7], (slot) => slot);
});
