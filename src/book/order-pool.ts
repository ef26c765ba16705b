import type { Side } from "./order-events.ts";
import { placeIn, segmentOf, segmentSlots } from "./segments.ts";

/** How an order is named. */
export const OrderKind = { free: 0, numbered: 1, keyed: 2, nameless: 3 } as const;
export type OrderKind = (typeof OrderKind)[keyof typeof OrderKind];

/** Order records of the first segment, as a power of two: 64 records, 1.5 KB. */
const FIRST_BITS = 6;

// A record is 24 bytes: the quantity as a double, then four words.
const RECORD_WORDS = 6;
const RECORD_DOUBLES = 3;
/** Low word of the id, or where the key is in the key store. */
const NAME_LOW = 2;
/** High word of the id, or the length of the key. */
const NAME_HIGH = 3;
/** Handle of the order's level in the ladder of its side; in a free record the next free slot. */
const LEVEL = 4;
/** OrderKind, and the side from bit 2 on. */
const KIND = 5;

/**
 * The order records of a book, in slots from 1 on. Freed slots are used again first.
 */
export class OrderPool {
  /** Two views of the same segments. */
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];
  /** Records in use. */
  live = 0;
  /** Slots from 1 to below this one have been used. */
  usedEnd = 1;
  #freeHead = 0;

  /** The slot of a new record; `setName` and `quantity` are the caller's next steps. */
  allocate(kind: OrderKind, side: Side, level: number, quantity: number): number {
    let slot = this.#freeHead;
    if (slot === 0) slot = this.#allocateFresh();
    else this.#freeHead = this.level(slot);
    const words = this.words[segmentOf(slot, FIRST_BITS)]!;
    const at = placeIn(slot, FIRST_BITS) * RECORD_WORDS;
    words[at + KIND] = kind | (side << 2);
    words[at + LEVEL] = level;
    this.setQuantity(slot, quantity);
    this.live += 1;
    return slot;
  }

  release(slot: number): void {
    const words = this.words[segmentOf(slot, FIRST_BITS)]!;
    const at = placeIn(slot, FIRST_BITS) * RECORD_WORDS;
    words[at + KIND] = OrderKind.free;
    words[at + LEVEL] = this.#freeHead;
    this.#freeHead = slot;
    this.live -= 1;
  }

  /** Forgets all records and gives their memory back. */
  clear(): void {
    this.words.length = 0;
    this.doubles.length = 0;
    this.live = 0;
    this.usedEnd = 1;
    this.#freeHead = 0;
  }

  setName(slot: number, low: number, high: number): void {
    const words = this.words[segmentOf(slot, FIRST_BITS)]!;
    const at = placeIn(slot, FIRST_BITS) * RECORD_WORDS;
    words[at + NAME_LOW] = low;
    words[at + NAME_HIGH] = high;
  }

  quantity(slot: number): number {
    const doubles = this.doubles[segmentOf(slot, FIRST_BITS)]!;
    return doubles[placeIn(slot, FIRST_BITS) * RECORD_DOUBLES]!;
  }

  setQuantity(slot: number, quantity: number): void {
    const doubles = this.doubles[segmentOf(slot, FIRST_BITS)]!;
    doubles[placeIn(slot, FIRST_BITS) * RECORD_DOUBLES] = quantity;
  }

  /** OrderKind; `free` for a slot that holds no order. */
  kind(slot: number): number {
    return this.#word(slot, KIND) & 3;
  }

  side(slot: number): Side {
    return (this.#word(slot, KIND) >> 2) as Side;
  }

  nameLow(slot: number): number {
    return this.#word(slot, NAME_LOW);
  }

  nameHigh(slot: number): number {
    return this.#word(slot, NAME_HIGH);
  }

  level(slot: number): number {
    return this.#word(slot, LEVEL);
  }

  setLevel(slot: number, level: number): void {
    const words = this.words[segmentOf(slot, FIRST_BITS)]!;
    words[placeIn(slot, FIRST_BITS) * RECORD_WORDS + LEVEL] = level;
  }

  /** How many slots the list of free ones holds, or -1 where it runs in a circle or into a live order. */
  countFree(): number {
    let count = 0;
    for (let slot = this.#freeHead; slot !== 0; slot = this.level(slot)) {
      count += 1;
      if (count >= this.usedEnd || this.kind(slot) !== OrderKind.free) return -1;
    }
    return count;
  }

  #word(slot: number, field: number): number {
    const words = this.words[segmentOf(slot, FIRST_BITS)]!;
    return words[placeIn(slot, FIRST_BITS) * RECORD_WORDS + field]!;
  }

  #allocateFresh(): number {
    const slot = this.usedEnd;
    const segment = segmentOf(slot, FIRST_BITS);
    if (segment === this.words.length) {
      const buffer = new ArrayBuffer(segmentSlots(segment, FIRST_BITS) * RECORD_WORDS * 4);
      this.words.push(new Int32Array(buffer));
      this.doubles.push(new Float64Array(buffer));
    }
    this.usedEnd += 1;
    return slot;
  }
}
