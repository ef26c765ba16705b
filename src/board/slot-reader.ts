import type { BookState, Depth, DepthSide } from "../book/depth.ts";
import { type SlotOffsets, SlotHeader, SlotWord, pinWord, slotCount, slotOffsets } from "./slot-buffer.ts";

/**
 * How often a reader tries to pin before it leaves the instrument for its next turn. Each failure needs a
 * publication between two neighbouring atomic operations, so a handful is already beyond what happens.
 */
const PIN_ATTEMPTS_MAX = 100;

/** The reading end of an instrument's shared memory, for one reader. Belongs to that reader's thread. */
export class SlotReader {
  readonly capacity: number;
  readonly generation: number;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #counts: Uint32Array;
  readonly #offsets: readonly SlotOffsets[];
  readonly #pinWord: number;

  constructor(buffer: SharedArrayBuffer, reader: number) {
    this.#words = new Int32Array(buffer);
    this.#numbers = new Float64Array(buffer);
    this.#counts = new Uint32Array(buffer);
    this.#pinWord = pinWord(reader);
    this.capacity = this.#words[SlotWord.capacity]!;
    this.generation = this.#words[SlotWord.generation]!;
    const readers = this.#words[SlotWord.readers]!;
    this.#offsets = Array.from({ length: slotCount(readers) }, (_, index) =>
      slotOffsets(index + 1, this.capacity, readers),
    );
  }

  /** The number of the latest slot; 0 = nothing was published yet. */
  latest(): number {
    return Atomics.load(this.#words, SlotWord.latest);
  }

  /** Names the slot as one that must not be written; 0 takes the name away. */
  setPin(slot: number): void {
    Atomics.store(this.#words, this.#pinWord, slot);
  }

  /** Pins the latest slot and returns its number; 0 = none, and nothing is pinned. */
  pinLatest(): number {
    for (let attempt = 0; attempt < PIN_ATTEMPTS_MAX; attempt += 1) {
      const slot = this.latest();
      if (slot === 0) break;
      this.setPin(slot);
      if (this.latest() === slot) return slot;
    }
    this.setPin(0);
    return 0;
  }

  /** The sequence in a pinned slot. */
  sequence(slot: number): number {
    return this.#numbers[this.#offsets[slot - 1]!.header / 8 + SlotHeader.sequence]!;
  }

  /**
   * Copies a pinned slot's best `levels` a side. Returns false, and copies nothing, where the book may have
   * more levels than the slot holds and `levels` asks for those.
   */
  copy(slot: number, levels: number, into: Depth): boolean {
    const at = this.#offsets[slot - 1]!;
    const header = at.header / 8;
    const numbers = this.#numbers;
    const bidsLength = numbers[header + SlotHeader.bidsLength]!;
    const asksLength = numbers[header + SlotHeader.asksLength]!;
    if (levels > this.capacity && Math.max(bidsLength, asksLength) === this.capacity) return false;
    into.sequence = numbers[header + SlotHeader.sequence]!;
    into.state = numbers[header + SlotHeader.state]! as BookState;
    into.sourceTimeLow = numbers[header + SlotHeader.sourceTimeLow]!;
    into.sourceTimeHigh = numbers[header + SlotHeader.sourceTimeHigh]!;
    into.bids.length = Math.min(levels, bidsLength);
    into.asks.length = Math.min(levels, asksLength);
    this.#copySide(at.bidsPrice / 8, at.bidsOrderCount / 4, into.bids);
    this.#copySide(at.asksPrice / 8, at.asksOrderCount / 4, into.asks);
    return true;
  }

  #copySide(priceStart: number, countStart: number, into: DepthSide): void {
    const numbers = this.#numbers;
    const counts = this.#counts;
    const quantityStart = priceStart + this.capacity;
    const { length, price, quantity, orderCount } = into;
    for (let level = 0; level < length; level += 1) {
      price[level] = numbers[priceStart + level]!;
      quantity[level] = numbers[quantityStart + level]!;
      orderCount[level] = counts[countStart + level]!;
    }
  }
}
