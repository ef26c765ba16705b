import type { BookParts } from "./book-parts.ts";
import { actionAt, BLOCK_EVENTS, hashAt, sideAt, ticksAt } from "./event-block.ts";
import type { Ladder } from "./ladder.ts";
import { OrderAction, Side } from "./order-events.ts";
import { PAGE_TICKS } from "./page-store.ts";

/** Fewer events than this have little to overlap. */
const AHEAD_EVENTS_MIN = 4;
/** What stays in the caches of the processor anyway: 0.7 MB of orders, 256 KB of pages, 512 KB of levels. */
const CACHED_ORDERS = 16_384;
const CACHED_PAGES = 4096;
const CACHED_QUADS = 8192;

const { add: ADD } = OrderAction;
const { bid: BID } = Side;

// Shared by all books of a thread, as the block is.
const slots = new Int32Array(BLOCK_EVENTS);
const positions = new Int32Array(BLOCK_EVENTS);
const pages = new Int32Array(BLOCK_EVENTS);
/** Handle and side of a level, `handle * 4 + side`. */
const levels = new Int32Array(BLOCK_EVENTS);
const adds = new Int32Array(BLOCK_EVENTS);

/**
 * Looks for the orders that the events of a block name, and reads what these orders and their levels will
 * need, for the caches alone: a step at a time for all of them. An event by itself waits for its entry, then
 * for its record, then for its level, each somewhere else in memory; here the same step of different events
 * is one wait (a quarter less time in flow U). Nothing is decided: what is found is a guess, which the book
 * looks at again, and what an earlier event changes meanwhile was read in vain.
 * Where memory is read nothing is asked: what the processor cannot guess stops it there.
 */
export class ReadAhead {
  /** Takes what was read, so that no compiler leaves the reading out. */
  readSum = 0;
  readonly #parts: BookParts;
  /** By side, and by 0 any. */
  readonly #ladders: readonly Ladder[];

  constructor(parts: BookParts) {
    this.#parts = parts;
    this.#ladders = [parts.bids, parts.bids, parts.asks];
  }

  /** Reads for the first `count` events of the block. */
  read(count: number): void {
    this.#findSlots(count);
    const { orders, bids, asks } = this.#parts;
    const isCached = orders.live < CACHED_ORDERS;
    // With levels on both sides, record 0 and level 0 of each can be read: zeros that stand for none.
    if (isCached || count < AHEAD_EVENTS_MIN || bids.levelCount === 0 || asks.levelCount === 0) return;
    let sum = orders.readAll(slots, count);
    if (bids.levels.live + asks.levels.live > CACHED_QUADS) sum += this.#readOrderLevels(count);
    if (bids.pages.live + asks.pages.live > CACHED_PAGES) sum += this.#readPrices(count);
    this.readSum = sum | 0;
  }

  /** Forgets what was found for the rest of the block: the book has been cleared. */
  forget(): void {
    slots.fill(0);
  }

  #findSlots(count: number): void {
    const { entries, mask } = this.#parts.index.table;
    let sum = 0;
    for (let at = 0; at < count; at++) sum += entries[(hashAt(at) << 1) & mask]!;
    this.readSum = sum | 0;
    for (let at = 0; at < count; at++) {
      const hash = hashAt(at);
      let position = (hash << 1) & mask;
      let slot = entries[position]!;
      while (slot !== 0 && entries[position + 1] !== hash) {
        position = (position + 2) & mask;
        slot = entries[position]!;
      }
      slots[at] = slot;
      positions[at] = position;
    }
  }

  /** The levels of the orders that are named. */
  #readOrderLevels(count: number): number {
    const { orders } = this.#parts;
    for (let at = 0; at < count; at++) {
      const slot = slots[at]!;
      levels[at] = (orders.level(slot) << 2) | orders.side(slot);
    }
    return this.#readLevels(count);
  }

  /** The entries, the pages and the levels of the prices at which orders are added. */
  #readPrices(count: number): number {
    const { bids, asks } = this.#parts;
    let found = 0;
    for (let at = 0; at < count; at++) {
      adds[found] = at;
      if (actionAt(at) === ADD) found += 1;
    }
    for (let i = 0; i < found; i++) {
      const ladder = sideAt(adds[i]!) === BID ? bids : asks;
      const number = Math.floor((ticksAt(adds[i]!) * ladder.sign) / PAGE_TICKS);
      pages[i] = ladder.pages.guess(number);
    }
    for (let i = 0; i < found; i++) {
      const ladder = sideAt(adds[i]!) === BID ? bids : asks;
      const tick = (ticksAt(adds[i]!) * ladder.sign) & (PAGE_TICKS - 1);
      levels[i] = (ladder.pages.quad(pages[i]!, tick >> 2) << 4) | ladder.side;
    }
    return this.#readLevels(found);
  }

  #readLevels(count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.#ladders[levels[i]! & 3]!.levels.count(levels[i]! >>> 2);
    return sum;
  }
}

/** The slot whose entry has the hash of an event's name, 0 where there was none. */
export function slotAheadAt(at: number): number {
  return slots[at]!;
}

/** Where in the index that entry was. */
export function positionAheadAt(at: number): number {
  return positions[at]!;
}
