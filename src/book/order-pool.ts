import type { Side } from "./order-events.ts";
import { RecordSegments } from "./record-segments.ts";

/** How an order is named. */
export const OrderKind = { free: 0, numbered: 1, keyed: 2, nameless: 3 } as const;
export type OrderKind = (typeof OrderKind)[keyof typeof OrderKind];

const { numbered: NUMBERED } = OrderKind;

/** Order records of a segment, as a power of two: 384 KB; and of the first one at first: 1.5 KB. */
const SEGMENT_BITS = 14;
const PLACE_MASK = (1 << SEGMENT_BITS) - 1;
const FIRST_RECORDS = 64;

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
  readonly #segments = new RecordSegments(RECORD_WORDS, SEGMENT_BITS, FIRST_RECORDS);
  /** Two views of the same segments. */
  readonly words = this.#segments.words;
  readonly doubles = this.#segments.doubles;
  /** Records in use. */
  live = 0;
  /** Slots from 1 to below this one have been used. */
  usedEnd = 1;
  #freeHead = 0;

  /** The slot of a record that is to be filled with `set` next. */
  allocate(): number {
    const slot = this.#freeHead;
    this.live += 1;
    if (slot === 0) return this.#allocateFresh();
    this.#freeHead = this.level(slot);
    return slot;
  }

  /** Fills a record. `low` and `high` are the id, or a key's reference and length, or 0 for an order without name. */
  set(
    slot: number,
    kind: OrderKind,
    side: Side,
    level: number,
    quantity: number,
    low: number,
    high: number,
  ): void {
    const segment = slot >>> SEGMENT_BITS;
    const place = slot & PLACE_MASK;
    const words = this.words[segment]!;
    const at = place * RECORD_WORDS;
    words[at + NAME_LOW] = low;
    words[at + NAME_HIGH] = high;
    words[at + LEVEL] = level;
    words[at + KIND] = kind | (side << 2);
    this.doubles[segment]![place * RECORD_DOUBLES] = quantity;
  }

  release(slot: number): void {
    const words = this.words[slot >>> SEGMENT_BITS]!;
    const at = (slot & PLACE_MASK) * RECORD_WORDS;
    words[at + KIND] = OrderKind.free;
    words[at + LEVEL] = this.#freeHead;
    this.#freeHead = slot;
    this.live -= 1;
  }

  /** Forgets all records and gives their memory back. */
  clear(): void {
    this.#segments.clear();
    this.live = 0;
    this.usedEnd = 1;
    this.#freeHead = 0;
  }

  setName(slot: number, low: number, high: number): void {
    const words = this.words[slot >>> SEGMENT_BITS]!;
    const at = (slot & PLACE_MASK) * RECORD_WORDS;
    words[at + NAME_LOW] = low;
    words[at + NAME_HIGH] = high;
  }

  /** Whether the order in `slot` is named with this id. */
  isNumbered(slot: number, low: number, high: number): boolean {
    const words = this.words[slot >>> SEGMENT_BITS]!;
    const at = (slot & PLACE_MASK) * RECORD_WORDS;
    return (
      words[at + NAME_LOW] === low && words[at + NAME_HIGH] === high && (words[at + KIND]! & 3) === NUMBERED
    );
  }

  quantity(slot: number): number {
    const doubles = this.doubles[slot >>> SEGMENT_BITS]!;
    return doubles[(slot & PLACE_MASK) * RECORD_DOUBLES]!;
  }

  setQuantity(slot: number, quantity: number): void {
    const doubles = this.doubles[slot >>> SEGMENT_BITS]!;
    doubles[(slot & PLACE_MASK) * RECORD_DOUBLES] = quantity;
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
    const words = this.words[slot >>> SEGMENT_BITS]!;
    words[(slot & PLACE_MASK) * RECORD_WORDS + LEVEL] = level;
  }

  /** Reads the records of the first `count` slots, for the caches alone: both ends, which may lie in two lines. */
  readAll(slots: Int32Array, count: number): number {
    const segments = this.words;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      const words = segments[slot >>> SEGMENT_BITS]!;
      const at = (slot & PLACE_MASK) * RECORD_WORDS;
      sum += words[at]! + words[at + KIND]!;
    }
    return sum;
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
    const words = this.words[slot >>> SEGMENT_BITS]!;
    return words[(slot & PLACE_MASK) * RECORD_WORDS + field]!;
  }

  #allocateFresh(): number {
    const slot = this.usedEnd;
    this.#segments.reserve(slot);
    this.usedEnd += 1;
    return slot;
  }
}
