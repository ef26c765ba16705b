import type { BookParts } from "./book-parts.ts";
import type { Ladder } from "./ladder.ts";
import { OrderAction, type OrderEventColumns, Side } from "./order-events.ts";
import { PAGE_TICKS } from "./page-store.ts";
import { homeOf } from "./slot-table.ts";

/** Events that are read ahead, a power of two: more than a processor has loads under way at once. */
export const AHEAD_EVENTS = 64;
/** Fewer events than this have little to overlap. */
const AHEAD_EVENTS_MIN = 4;
/** Orders and pages that stay in the caches of the processor anyway: 0.7 MB, 256 KB. */
const CACHED_ORDERS = 16_384;
const CACHED_PAGES = 4096;

/** Shared by all books of a thread: what is in them is used before `apply` ends. */
const hashes = new Int32Array(AHEAD_EVENTS);
const slots = new Int32Array(AHEAD_EVENTS);
/** Handle and side of a level, `handle * 4 + side`. */
const levels = new Int32Array(AHEAD_EVENTS);
const adds = new Int32Array(AHEAD_EVENTS);

/**
 * Hashes the names of the next events, and reads what their orders and levels will need, for the caches
 * alone: a step at a time for all of them. An event by itself waits for its entry, then for its record, then
 * for its level, each somewhere else in memory; here the same step of different events is one wait (a quarter
 * less time in flow U). Nothing is decided: what an earlier event changes meanwhile was read in vain.
 * Hardly anything is asked: what the processor cannot guess costs it more than a word read for nothing.
 */
export class ReadAhead {
  /** By `event index & (AHEAD_EVENTS - 1)`. */
  readonly hashes = hashes;
  /** Takes what was read, so that no compiler leaves the reading out. */
  readSum = 0;
  readonly #parts: BookParts;
  /** By side, and by 0 any. */
  readonly #ladders: readonly Ladder[];

  constructor(parts: BookParts) {
    this.#parts = parts;
    this.#ladders = [parts.bids, parts.bids, parts.asks];
  }

  /** `from` is a multiple of AHEAD_EVENTS; `end` at most as many events further. */
  read(events: OrderEventColumns, from: number, end: number): void {
    this.#hashNames(events, from, end);
    const { orders, bids, asks } = this.#parts;
    const isCached = orders.live < CACHED_ORDERS;
    // With levels on both sides, record 0 and level 0 of each can be read: zeros that stand for none.
    if (isCached || end - from < AHEAD_EVENTS_MIN || bids.levelCount === 0 || asks.levelCount === 0) return;
    let sum = this.#readOrders(end - from);
    if (bids.pages.live + asks.pages.live > CACHED_PAGES) sum += this.#readPrices(events, from, end);
    this.readSum = sum | 0;
  }

  #hashNames(events: OrderEventColumns, from: number, end: number): void {
    const { index } = this.#parts;
    const { keyLength, orderIdLow, orderIdHigh } = events;
    for (let at = from; at < end; at++) {
      const length = keyLength[at]!;
      hashes[at - from] =
        length === 0
          ? index.hashOfId(orderIdLow[at]!, orderIdHigh[at]!)
          : index.hashOfKey(events.keyBytes, events.keyOffset[at]!, length);
    }
  }

  /** The entries, the records and the levels of the orders that are named. */
  #readOrders(count: number): number {
    const { index, orders } = this.#parts;
    const { entries } = index.table;
    for (let i = 0; i < count; i++) slots[i] = entries[homeOf(entries, hashes[i]!)]!;
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!;
      levels[i] = (orders.level(slot) << 2) | orders.side(slot);
    }
    return this.#readLevels(count);
  }

  /** The entries, the pages and the levels of the prices at which orders are added. */
  #readPrices(events: OrderEventColumns, from: number, end: number): number {
    const { bids, asks } = this.#parts;
    let count = 0;
    for (let at = from; at < end; at++) {
      adds[count] = at;
      if (events.action[at] === OrderAction.add) count += 1;
    }
    for (let i = 0; i < count; i++) {
      const ladder = events.side[adds[i]!] === Side.bid ? bids : asks;
      const number = Math.floor(ladder.rankOf(events.price[adds[i]!]!) / PAGE_TICKS);
      slots[i] = ladder.pages.guess(number);
    }
    for (let i = 0; i < count; i++) {
      const ladder = events.side[adds[i]!] === Side.bid ? bids : asks;
      const tick = ladder.rankOf(events.price[adds[i]!]!) & (PAGE_TICKS - 1);
      levels[i] = (ladder.pages.quad(slots[i]!, tick >> 2) << 4) | ladder.side;
    }
    return this.#readLevels(count);
  }

  #readLevels(count: number): number {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += this.#ladders[levels[i]! & 3]!.levels.count(levels[i]! >>> 2);
    return sum;
  }
}
