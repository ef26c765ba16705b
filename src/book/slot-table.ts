import { invariant } from "../errors.ts";

/** A store whose records remember the hash they are found by. */
export interface HashedSlots {
  hashOf(slot: number): number;
}

/** Entries of the smallest table. */
const ENTRIES_MIN = 32;
/** Positions of the old table that each insertion or removal drains. Two would be enough, see `#grow`. */
const DRAIN_POSITIONS = 4;
/** The table of an empty index, shared: all searches end at once, and an insertion replaces it. */
const NO_ENTRIES = new Int32Array(1);

/**
 * Open addressing over slot numbers: 4 bytes an entry, linear probing, load at most 0.5, removal by
 * shifting back, so there are no tombstones and the cost does not depend on history. Slot 0 means empty.
 *
 * It grows in steps: the old table is drained a few positions an operation while both are searched, so no
 * operation pays for all (a growth at once stalls 8–36 ms at a million entries).
 *
 * Searching needs the names, so each owner has its own probe loop over `entries` and then `draining`.
 */
export class SlotTable {
  /** Probed from `hash & (length - 1)` upwards to the first 0. */
  entries: Int32Array = NO_ENTRIES;
  /** The old table during a growth, else one 0. Nothing is inserted here. */
  draining: Int32Array = NO_ENTRIES;
  /** Slots in both tables. */
  count = 0;
  readonly #slots: HashedSlots;
  /** Up to here `draining` is empty. */
  #drainAt = 0;

  constructor(slots: HashedSlots) {
    this.#slots = slots;
  }

  get isDraining(): boolean {
    return this.draining !== NO_ENTRIES;
  }

  /** Inserts a slot that is not in the table and whose record holds its hash. */
  insert(slot: number): void {
    if ((this.count + 1) * 2 > this.entries.length) this.#grow();
    place(this.entries, slot, this.#slots.hashOf(slot));
    this.count += 1;
    if (this.isDraining) this.#drain(DRAIN_POSITIONS);
  }

  /** Removes a slot that is in the table; its record must still hold its hash. */
  remove(slot: number): void {
    const hash = this.#slots.hashOf(slot);
    let table = this.entries;
    let position = positionOf(table, slot, hash);
    if (position < 0) {
      table = this.draining;
      position = positionOf(table, slot, hash);
    }
    invariant(position >= 0, "a slot that is removed is in the table");
    this.#shiftBack(table, position);
    this.count -= 1;
    if (this.isDraining) this.#drain(DRAIN_POSITIONS);
  }

  clear(): void {
    this.entries = NO_ENTRIES;
    this.draining = NO_ENTRIES;
    this.count = 0;
  }

  /** Mean and greatest number of entries read to find a slot that is there. For tests and diagnosis. */
  probeLengths(): { mean: number; max: number } {
    let sum = 0;
    let max = 0;
    for (const table of [this.entries, this.draining]) {
      for (let position = 0; position < table.length; position++) {
        const slot = table[position]!;
        if (slot === 0) continue;
        const home = this.#slots.hashOf(slot) & (table.length - 1);
        const length = ((position - home) & (table.length - 1)) + 1;
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
    this.entries = new Int32Array(Math.max(ENTRIES_MIN, old.length * 2));
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
    const end = Math.min(this.#drainAt + positions, old.length);
    while (this.#drainAt < end || (this.#drainAt < old.length && old[this.#drainAt] !== 0)) {
      const slot = old[this.#drainAt]!;
      if (slot !== 0) {
        old[this.#drainAt] = 0;
        place(this.entries, slot, this.#slots.hashOf(slot));
      }
      this.#drainAt += 1;
    }
    if (this.#drainAt === old.length) this.draining = NO_ENTRIES;
  }

  /** Empties `gap` and moves back what follows and may stand nearer to its home. */
  #shiftBack(table: Int32Array, position: number): void {
    const mask = table.length - 1;
    let gap = position;
    let at = gap;
    for (;;) {
      at = (at + 1) & mask;
      const slot = table[at]!;
      if (slot === 0) break;
      const distance = (at - this.#slots.hashOf(slot)) & mask;
      if (distance >= ((at - gap) & mask)) {
        table[gap] = slot;
        gap = at;
      }
    }
    table[gap] = 0;
  }
}

function place(table: Int32Array, slot: number, hash: number): void {
  const mask = table.length - 1;
  let position = hash & mask;
  while (table[position] !== 0) position = (position + 1) & mask;
  table[position] = slot;
}

function positionOf(table: Int32Array, slot: number, hash: number): number {
  const mask = table.length - 1;
  let position = hash & mask;
  for (;;) {
    const entry = table[position]!;
    if (entry === slot) return position;
    if (entry === 0) return -1;
    position = (position + 1) & mask;
  }
}
