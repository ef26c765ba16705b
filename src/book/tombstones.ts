import type { DepthDelta } from "./depth-delta.ts";

const CAPACITY_MIN = 8;

/**
 * The prices that have left one side of a view, each with the sequence at which it left, best first. A
 * price is here only while it is no level of the view. Bounded: over `max` the oldest are given up, and
 * `floor` tells up to where.
 */
export class Tombstones {
  readonly #max: number;
  readonly #direction: number;
  #price: Float64Array;
  #stamp: Float64Array;
  #length = 0;
  #floor = 0;

  /** @param direction −1 where the highest price is best (bids), 1 where the lowest is (asks) */
  constructor(max: number, direction: number) {
    this.#max = max;
    this.#direction = direction;
    const capacity = Math.min(CAPACITY_MIN, max);
    this.#price = new Float64Array(capacity);
    this.#stamp = new Float64Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** Every removal stamped after this sequence, and not undone since, is here. */
  get floor(): number {
    return this.#floor;
  }

  get bytes(): number {
    return this.#price.byteLength + this.#stamp.byteLength;
  }

  /** Adds `prices[0..count)`, best first, none of them here yet. `sequence` is above all stamps so far. */
  bury(prices: Float64Array, count: number, sequence: number): void {
    if (count > this.#max) {
      this.#length = 0;
      this.#floor = sequence;
      return;
    }
    if (this.#length + count > this.#max) this.#expire(count);
    this.#reserve(this.#length + count);
    const price = this.#price;
    const stamp = this.#stamp;
    const direction = this.#direction;
    let read = this.#length - 1;
    let write = this.#length + count - 1;
    // Merged from the worst price on, so that nothing better than the best new one is touched.
    for (let next = count - 1; next >= 0; write -= 1) {
      if (read >= 0 && (prices[next]! - price[read]!) * direction < 0) {
        price[write] = price[read]!;
        stamp[write] = stamp[read]!;
        read -= 1;
      } else {
        price[write] = prices[next]!;
        stamp[write] = sequence;
        next -= 1;
      }
    }
    this.#length += count;
  }

  /** Takes away those of `prices[0..count)`, best first, that are here: they are levels again. */
  revive(prices: Float64Array, count: number): void {
    if (count === 0 || this.#length === 0) return;
    const price = this.#price;
    const stamp = this.#stamp;
    const direction = this.#direction;
    const length = this.#length;
    let next = 0;
    let write = this.#firstFrom(prices[0]!);
    for (let read = write; read < length; read += 1) {
      const buried = price[read]!;
      while (next < count && (prices[next]! - buried) * direction < 0) next += 1;
      if (next === count && write === read) return;
      if (next < count && buried === prices[next]) continue;
      price[write] = buried;
      stamp[write] = stamp[read]!;
      write += 1;
    }
    this.#length = write;
  }

  /** Appends the removals stamped after `since` to a side of a delta, best first. */
  collect(since: number, into: DepthDelta["bids"]): void {
    const length = this.#length;
    if (length === 0) return;
    into.reserve(into.length + length);
    const price = this.#price;
    const stamp = this.#stamp;
    let entry = into.length;
    for (let index = 0; index < length; index += 1) {
      if (stamp[index]! <= since) continue;
      into.price[entry] = price[index]!;
      into.quantity[entry] = 0;
      into.orderCount[entry] = 0;
      entry += 1;
    }
    into.length = entry;
  }

  /** The place of the first price that is not better than `price`. */
  #firstFrom(price: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#price[middle]! - price) * this.#direction < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * Gives up the oldest, all of one stamp together, to make room for `count` more and for some to come: a
   * quarter of the bound at a time, so that the cost of finding them is spread over as many removals.
   */
  #expire(count: number): void {
    const keep = Math.min(this.#max - count, Math.floor(this.#max * 0.75));
    const length = this.#length;
    const stamps = this.#stamp.subarray(0, length).toSorted();
    const cut = stamps[length - keep - 1]!;
    let write = 0;
    for (let read = 0; read < length; read += 1) {
      if (this.#stamp[read]! <= cut) continue;
      this.#price[write] = this.#price[read]!;
      this.#stamp[write] = this.#stamp[read]!;
      write += 1;
    }
    this.#length = write;
    this.#floor = cut;
  }

  #reserve(length: number): void {
    if (length <= this.#price.length) return;
    const capacity = Math.min(this.#max, Math.max(length, this.#price.length * 2));
    const price = new Float64Array(capacity);
    const stamp = new Float64Array(capacity);
    price.set(this.#price);
    stamp.set(this.#stamp);
    this.#price = price;
    this.#stamp = stamp;
  }
}
