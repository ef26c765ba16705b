import { KeyStore } from "./key-store.ts";
import { OrderKind, type OrderPool } from "./order-pool.ts";
import type { SeededHash } from "./seeded-hash.ts";
import { ENTRY_WORDS, homeOf, SlotTable } from "./slot-table.ts";

/**
 * From an order's name, a number or a key, to its slot. Both kinds share one table: an entry leads to a
 * slot, and the record there says which kind it is, so a number never equals a key.
 */
export class OrderIndex {
  readonly table = new SlotTable();
  readonly keys = new KeyStore();
  readonly #orders: OrderPool;
  readonly #hash: SeededHash;

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
    const slot = this.#probeId(this.table.entries, low, high, hash);
    if (slot !== 0 || !this.table.isDraining) return slot;
    return this.#probeId(this.table.draining, low, high, hash);
  }

  /** The slot of the live order with this key, 0 where there is none. `hash` is `hashOfKey`. */
  findKey(bytes: Uint8Array, offset: number, length: number, hash: number): number {
    const slot = this.#probeKey(this.table.entries, bytes, offset, length, hash);
    if (slot !== 0 || !this.table.isDraining) return slot;
    return this.#probeKey(this.table.draining, bytes, offset, length, hash);
  }

  /** Names the order in `slot`, of kind `numbered`, with an id that is not in use. */
  insertId(slot: number, low: number, high: number, hash: number): void {
    this.#orders.setName(slot, low, high);
    this.table.insert(slot, hash);
  }

  /** Names the order in `slot`, of kind `keyed`, with a key that is not in use. */
  insertKey(slot: number, bytes: Uint8Array, offset: number, length: number, hash: number): void {
    this.#orders.setName(slot, this.keys.store(bytes, offset, length), length);
    this.table.insert(slot, hash);
  }

  /** Forgets the name of a named order, before its slot is released. `hash` is that of its name. */
  remove(slot: number, hash: number): void {
    this.table.remove(slot, hash);
    if (this.#orders.kind(slot) === OrderKind.keyed) this.keys.release(this.#orders.nameLow(slot));
  }

  /** The key of a keyed order, to read at once. */
  keyOf(slot: number): Uint8Array {
    return this.keys.view(this.#orders.nameLow(slot), this.#orders.nameHigh(slot));
  }

  clear(): void {
    this.table.clear();
    this.keys.clear();
  }

  #probeId(entries: Int32Array, low: number, high: number, hash: number): number {
    const orders = this.#orders;
    const mask = entries.length - ENTRY_WORDS;
    for (let at = homeOf(entries, hash); ; at = (at + ENTRY_WORDS) & mask) {
      const slot = entries[at]!;
      if (slot === 0) return 0;
      if (
        entries[at + 1] === hash &&
        orders.nameLow(slot) === low &&
        orders.nameHigh(slot) === high &&
        orders.kind(slot) === OrderKind.numbered
      ) {
        return slot;
      }
    }
  }

  #probeKey(entries: Int32Array, bytes: Uint8Array, offset: number, length: number, hash: number): number {
    const orders = this.#orders;
    const mask = entries.length - ENTRY_WORDS;
    for (let at = homeOf(entries, hash); ; at = (at + ENTRY_WORDS) & mask) {
      const slot = entries[at]!;
      if (slot === 0) return 0;
      if (
        entries[at + 1] === hash &&
        orders.kind(slot) === OrderKind.keyed &&
        orders.nameHigh(slot) === length &&
        this.keys.equals(orders.nameLow(slot), bytes, offset, length)
      ) {
        return slot;
      }
    }
  }
}
