import { BookState, type Depth, type DepthSide } from "../book/depth.ts";
import { invariant } from "../errors.ts";
import { SlotHeader, SlotWord, createSlotBuffer, pinWord, slotCount, slotOffsets } from "./slot-buffer.ts";

/**
 * One slot as the engine fills it: columns in shared memory, the rest copied there afterwards. It must be
 * given all of the book's best levels up to `capacity`: a side with fewer is taken for the whole side.
 */
export interface DepthSlot extends Depth {
  /** Levels a side that there is room for. */
  readonly capacity: number;
}

interface WritableSlot {
  readonly depth: DepthSlot;
  readonly header: Float64Array;
}

/** The writing end of an instrument's shared memory. Belongs to the engine's thread. */
export class SlotPublisher {
  readonly buffer: SharedArrayBuffer;
  readonly capacity: number;
  readonly generation: number;
  readonly #readers: number;
  readonly #words: Int32Array;
  /** Made when first used: with readers that keep up, two or three of the slots are. */
  readonly #slots: (WritableSlot | undefined)[];
  /** By slot, the last publication for which it was found pinned. */
  readonly #pinnedAt: Float64Array;
  #publications = 0;
  #latest = 0;

  constructor(capacity: number, readers: number, generation: number) {
    this.buffer = createSlotBuffer(capacity, readers, generation);
    this.capacity = capacity;
    this.generation = generation;
    this.#readers = readers;
    this.#words = new Int32Array(this.buffer);
    this.#slots = Array.from({ length: slotCount(readers) + 1 });
    this.#pinnedAt = new Float64Array(slotCount(readers) + 1);
  }

  /** Fills a free slot by `write` and makes it the latest. Never waits. */
  publish(write: (slot: DepthSlot) => void): void {
    const number = this.#freeSlot();
    const { depth, header } = (this.#slots[number] ??= this.#openSlot(number));
    write(depth);
    invariant(
      depth.bids.length <= this.capacity && depth.asks.length <= this.capacity,
      "no more levels are published than a slot holds",
    );
    header[SlotHeader.sequence] = depth.sequence;
    header[SlotHeader.state] = depth.state;
    header[SlotHeader.sourceTimeLow] = depth.sourceTimeLow;
    header[SlotHeader.sourceTimeHigh] = depth.sourceTimeHigh;
    header[SlotHeader.bidsLength] = depth.bids.length;
    header[SlotHeader.asksLength] = depth.asks.length;
    Atomics.store(this.#words, SlotWord.latest, number);
    this.#latest = number;
  }

  /** Takes off the pin of a reader whose thread is gone. */
  clearPin(reader: number): void {
    Atomics.store(this.#words, pinWord(reader), 0);
  }

  /**
   * The lowest number that is free: so the same few slots stay in the cache. Each pin is loaded once. Were they
   * loaded anew for each slot, a reader that moves its pin meanwhile could be met at two slots, and none be left.
   */
  #freeSlot(): number {
    const pinnedAt = this.#pinnedAt;
    const now = (this.#publications += 1);
    for (let reader = 0; reader < this.#readers; reader += 1) {
      pinnedAt[Atomics.load(this.#words, pinWord(reader))] = now;
    }
    for (let slot = 1; slot < pinnedAt.length; slot += 1) {
      if (slot !== this.#latest && pinnedAt[slot] !== now) return slot;
    }
    throw new Error("invariant: with two slots more than readers one is always free");
  }

  #openSlot(slot: number): WritableSlot {
    const { buffer, capacity } = this;
    const at = slotOffsets(slot, capacity, this.#readers);
    const bids: DepthSide = {
      length: 0,
      price: new Float64Array(buffer, at.bidsPrice, capacity),
      quantity: new Float64Array(buffer, at.bidsQuantity, capacity),
      orderCount: new Uint32Array(buffer, at.bidsOrderCount, capacity),
    };
    const asks: DepthSide = {
      length: 0,
      price: new Float64Array(buffer, at.asksPrice, capacity),
      quantity: new Float64Array(buffer, at.asksQuantity, capacity),
      orderCount: new Uint32Array(buffer, at.asksOrderCount, capacity),
    };
    return {
      depth: {
        sequence: 0,
        state: BookState.open,
        sourceTimeLow: 0,
        sourceTimeHigh: 0,
        bids,
        asks,
        capacity,
      },
      header: new Float64Array(buffer, at.header, Object.keys(SlotHeader).length),
    };
  }
}
