import { invariant } from "../errors.ts";

/** Words of an entry: the slot, then its hash. */
export const ENTRY_WORDS = 2;
/** Entries of the smallest table. */
const ENTRIES_MIN = 32;
/** Positions of the old table that each insertion or removal drains. Two would be enough, see `#grow`. */
const DRAIN_POSITIONS = 4;
/** The table of an empty index, shared: all searches end at once, and an insertion replaces it. */
const NO_ENTRIES = new Int32Array(ENTRY_WORDS);

/**
 * Open addressing over slot numbers: linear probing, load at most 0.5, removal by shifting back, so there
 * are no tombstones and the cost does not depend on history. Slot 0 means empty.
 *
 * An entry is a slot and its whole hash, 8 bytes, so that the record behind it is read only where it is the
 * one looked for: with the slot alone an event read 0.8 records of others, each a cache miss.
 *
 * It grows in steps: the old table is drained a few positions an operation while both are searched, so no
 * operation pays for all (a growth at once stalls 8–36 ms at a million entries).
 *
 * Searching needs the names, so each owner has its own probe loop over `entries` and then `draining`.
 */
export class SlotTable {
  /**
   * Probed from `(hash << 1) & mask` upwards, 2 words (ENTRY_WORDS, which is written out where it is asked for
   * with each event) at a time, to the first slot 0.
   */
  entries: Int32Array = NO_ENTRIES;
  /** The old table during a growth, else one empty entry. Nothing is inserted here. */
  draining: Int32Array = NO_ENTRIES;
  /** Keeps a position within `entries`; beside them, since V8 asks much before it tells an array's length. */
  mask = 0;
  /** Slots in both tables. */
  count = 0;
  /** Up to here `draining` is empty. */
  #drainAt = 0;

  get isDraining(): boolean {
    return this.draining !== NO_ENTRIES;
  }

  /** How many entries there is room for, the old table's not counted. */
  get capacity(): number {
    return this.entries.length / ENTRY_WORDS;
  }

  /** Inserts a slot that is not in the table. */
  insert(slot: number, hash: number): void {
    if ((this.count + 1) * 2 > this.capacity) this.#grow();
    place(this.entries, slot, hash);
    this.count += 1;
    if (this.isDraining) this.#drain(DRAIN_POSITIONS);
  }

  /** Removes a slot that is in the table, with the hash that it was inserted with. */
  remove(slot: number, hash: number): void {
    let table = this.entries;
    let position = positionOf(table, slot, hash);
    if (position < 0) {
      table = this.draining;
      position = positionOf(table, slot, hash);
    }
    invariant(position >= 0, "a slot that is removed is in the table");
    shiftBack(table, table.length - ENTRY_WORDS, position);
    this.count -= 1;
    if (this.isDraining) this.#drain(DRAIN_POSITIONS);
  }

  /** `insert` without a search: `position` is where one for `hash` in `entries` has just ended, at slot 0. */
  insertAt(position: number, slot: number, hash: number): void {
    if (this.isDraining || (this.count + 1) * (2 * ENTRY_WORDS) > this.mask + ENTRY_WORDS) {
      this.insert(slot, hash);
      return;
    }
    this.entries[position] = slot;
    this.entries[position + 1] = hash;
    this.count += 1;
  }

  /** `remove`, mostly without a search: `position`, of an entry, is where in `entries` the slot probably is. */
  removeAt(position: number, slot: number, hash: number): void {
    if (this.isDraining || this.entries[position] !== slot) {
      this.remove(slot, hash);
      return;
    }
    shiftBack(this.entries, this.mask, position);
    this.count -= 1;
  }

  clear(): void {
    this.entries = NO_ENTRIES;
    this.mask = 0;
    this.draining = NO_ENTRIES;
    this.count = 0;
  }

  /** The slots of both tables, in no particular order. */
  *slots(): Generator<number, void> {
    for (const table of [this.entries, this.draining]) {
      for (let at = 0; at < table.length; at += ENTRY_WORDS) {
        if (table[at] !== 0) yield table[at]!;
      }
    }
  }

  /** Mean and greatest number of entries read to find a slot that is there. For tests and diagnosis. */
  probeLengths(): { mean: number; max: number } {
    let sum = 0;
    let max = 0;
    for (const table of [this.entries, this.draining]) {
      for (let at = 0; at < table.length; at += ENTRY_WORDS) {
        if (table[at] === 0) continue;
        const length = distance(table, homeOf(table, table[at + 1]!), at) / ENTRY_WORDS + 1;
        sum += length;
        max = Math.max(max, length);
      }
    }
    return { mean: this.count === 0 ? 0 : sum / this.count, max };
  }

  /**
   * A table of C entries grows when C/2 are in it, and its successor when C are: C/2 insertions, in which
   * C positions have to be drained, two an insertion.
   */
  #grow(): void {
    invariant(!this.isDraining, "a table is drained before the next growth");
    const old = this.entries;
    this.entries = new Int32Array(Math.max(ENTRIES_MIN * ENTRY_WORDS, old.length * 2));
    this.mask = this.entries.length - ENTRY_WORDS;
    if (this.count === 0) return;
    this.draining = old;
    this.#drainAt = 0;
  }

  /**
   * Goes on to the end of a run, so that no run loses its beginning while its end is still probed for. A
   * run that wraps round loses its end first, which the rest does not need.
   */
  #drain(positions: number): void {
    const old = this.draining;
    const end = Math.min(this.#drainAt + positions * ENTRY_WORDS, old.length);
    let at = this.#drainAt;
    while (at < end || (at < old.length && old[at] !== 0)) {
      const slot = old[at]!;
      if (slot !== 0) {
        old[at] = 0;
        place(this.entries, slot, old[at + 1]!);
      }
      at += ENTRY_WORDS;
    }
    this.#drainAt = at;
    if (at === old.length) this.draining = NO_ENTRIES;
  }
}

/** Where the probing for a hash begins. */
export function homeOf(table: Int32Array, hash: number): number {
  return (hash << 1) & (table.length - ENTRY_WORDS);
}

function distance(table: Int32Array, from: number, to: number): number {
  return (to - from) & (table.length - ENTRY_WORDS);
}

function place(table: Int32Array, slot: number, hash: number): void {
  const mask = table.length - ENTRY_WORDS;
  let at = homeOf(table, hash);
  while (table[at] !== 0) at = (at + ENTRY_WORDS) & mask;
  table[at] = slot;
  table[at + 1] = hash;
}

function positionOf(table: Int32Array, slot: number, hash: number): number {
  const mask = table.length - ENTRY_WORDS;
  for (let at = homeOf(table, hash); ; at = (at + ENTRY_WORDS) & mask) {
    const entry = table[at]!;
    if (entry === slot) return at;
    if (entry === 0) return -1;
  }
}

/** Empties `position` and moves back what follows and may stand nearer to its home. */
function shiftBack(table: Int32Array, mask: number, position: number): void {
  let gap = position;
  let at = (gap + 2) & mask;
  let slot = table[at]!;
  while (slot !== 0) {
    const hash = table[at + 1]!;
    // As far from its home as from the gap, or further: the gap is on its way.
    if (((at - (hash << 1)) & mask) >= ((at - gap) & mask)) {
      table[gap] = slot;
      table[gap + 1] = hash;
      gap = at;
    }
    at = (at + 2) & mask;
    slot = table[at]!;
  }
  table[gap] = 0;
}
