import { KeyStore } from "./key-store.ts";
import { OrderKind, type OrderPool } from "./order-pool.ts";
import type { SeededHash } from "./seeded-hash.ts";
import { ENTRY_WORDS, homeOf, SlotTable } from "./slot-table.ts";

const { keyed: KEYED } = OrderKind;

/**
 * From an order's name, a number or a key, to its slot. Both kinds share one table: an entry leads to a
 * slot, and the record there says which kind it is, so a number never equals a key.
 */
export class OrderIndex {
  readonly table = new SlotTable();
  readonly keys = new KeyStore();
  readonly #orders: OrderPool;
  readonly #hash: SeededHash;
  /** Where the latest search ended: at what it found, or at the gap. Of use only while nothing is draining. */
  #position = 0;

  constructor(orders: OrderPool, hash: SeededHash) {
    this.#orders = orders;
    this.#hash = hash;
  }

  hashOfId(low: number, high: number): number {
    return this.#hash.ofWords(low, high);
  }

  hashOfKey(bytes: Uint8Array, offset: number, length: number): number {
    return this.#hash.ofBytes(bytes, offset, length);
  }

  /** The slot of the live order with this id, 0 where there is none. `hash` is `hashOfId`. */
  findId(low: number, high: number, hash: number): number {
    const slot = this.#probeId(this.table.entries, this.table.mask, low, high, hash);
    return slot === 0 && this.table.isDraining ? this.#findDrainingId(low, high, hash) : slot;
  }

  /**
   * Whether the entry at `position` led to `slot` and still may, and the order there has this id: then it is
   * found as by `findId`. The position may be out of date.
   */
  confirmId(slot: number, position: number, low: number, high: number): boolean {
    this.#position = position;
    return this.#orders.isNumbered(slot, low, high);
  }

  /** The slot of the live order with this key, 0 where there is none. `hash` is `hashOfKey`. */
  findKey(bytes: Uint8Array, offset: number, length: number, hash: number): number {
    const slot = this.#probeKey(this.table.entries, bytes, offset, length, hash);
    if (slot !== 0 || !this.table.isDraining) return slot;
    return this.#probeKey(this.table.draining, bytes, offset, length, hash);
  }

  /** Enters the order in `slot` under its name, for which has just been searched in vain. */
  insert(slot: number, hash: number): void {
    this.table.insertAt(this.#position, slot, hash);
  }

  /** Forgets the name of the order that was found last, before its slot is released. `hash` is that of its name. */
  remove(slot: number, hash: number): void {
    this.table.removeAt(this.#position, slot, hash);
    if (this.#orders.kind(slot) === KEYED) this.keys.release(this.#orders.nameLow(slot));
  }

  /** The key of a keyed order, to read at once. */
  keyOf(slot: number): Uint8Array {
    return this.keys.view(this.#orders.nameLow(slot), this.#orders.nameHigh(slot));
  }

  clear(): void {
    this.table.clear();
    this.keys.clear();
  }

  #findDrainingId(low: number, high: number, hash: number): number {
    const { draining } = this.table;
    return this.#probeId(draining, draining.length - ENTRY_WORDS, low, high, hash);
  }

  #probeId(entries: Int32Array, mask: number, low: number, high: number, hash: number): number {
    let at = (hash << 1) & mask;
    let slot = entries[at]!;
    while (slot !== 0 && !(entries[at + 1] === hash && this.#orders.isNumbered(slot, low, high))) {
      at = (at + 2) & mask;
      slot = entries[at]!;
    }
    this.#position = at;
    return slot;
  }

  #probeKey(entries: Int32Array, bytes: Uint8Array, offset: number, length: number, hash: number): number {
    const orders = this.#orders;
    const mask = entries.length - ENTRY_WORDS;
    for (let at = homeOf(entries, hash); ; at = (at + ENTRY_WORDS) & mask) {
      const slot = entries[at]!;
      this.#position = at;
      if (slot === 0) return 0;
      if (
        entries[at + 1] === hash &&
        orders.kind(slot) === KEYED &&
        orders.nameHigh(slot) === length &&
        this.keys.equals(orders.nameLow(slot), bytes, offset, length)
      ) {
        return slot;
      }
    }
  }
}
