import { levelChecksum } from "./checksum.ts";
import type { DepthSide } from "./depth.ts";
import { LevelColumns } from "./level-columns.ts";
import { Side } from "./order-events.ts";
import { Tombstones } from "./tombstones.ts";

const CAPACITY_MIN = 16;

/** What a refresh needs only while it runs: one a thread, for all its views. */
const scratch = {
  stamp: new Float64Array(0),
  removed: new Float64Array(0),
  added: new Float64Array(0),
};

/** One side of a view: its levels, the sequence at which each last changed, and what has left. */
export class DepthViewSide extends LevelColumns {
  readonly #side: Side;
  readonly #depth: number;
  readonly #direction: number;
  readonly tombstones: Tombstones;
  #stamp: Float64Array = new Float64Array(0);
  #checksum = 0;

  constructor(side: Side, depth: number, tombstonesMax: number) {
    super();
    this.#side = side;
    this.#depth = depth;
    this.#direction = side === Side.bid ? -1 : 1;
    this.tombstones = new Tombstones(tombstonesMax, this.#direction);
    this.resize(Math.min(depth, CAPACITY_MIN));
  }

  /** The sum of the levels' checksums, a uint32. */
  get checksum(): number {
    return this.#checksum >>> 0;
  }

  override get bytes(): number {
    return super.bytes + this.#stamp.byteLength + this.tombstones.bytes;
  }

  /** Takes over the first `depth` levels of `newest`. Returns whether a level came, left or changed. */
  refresh(newest: DepthSide, sequence: number): boolean {
    const newLength = Math.min(newest.length, this.#depth);
    const common = Math.min(newLength, this.length);
    const { price, quantity, orderCount } = this;
    const { price: newPrice, quantity: newQuantity, orderCount: newCount } = newest;
    const stamp = this.#stamp;
    let changed = false;
    let index = 0;
    // As far as the prices agree, levels are changed in place; mostly that is all there is.
    for (; index < common; index += 1) {
      if (newPrice[index] !== price[index]) break;
      if (newQuantity[index] === quantity[index] && newCount[index] === orderCount[index]) continue;
      this.#requantify(price[index]!, quantity[index]!, newQuantity[index]!);
      quantity[index] = newQuantity[index]!;
      orderCount[index] = newCount[index]!;
      stamp[index] = sequence;
      changed = true;
    }
    if (index === newLength && index === this.length) return changed;
    this.#merge(newest, index, newLength, sequence);
    return true;
  }

  /** Appends the levels that changed after `since` to a side of a delta, best first. */
  collect(since: number, into: LevelColumns): void {
    into.reserve(into.length + this.length);
    const stamp = this.#stamp;
    let entry = into.length;
    for (let index = 0; index < this.length; index += 1) {
      if (stamp[index]! <= since) continue;
      into.price[entry] = this.price[index]!;
      into.quantity[entry] = this.quantity[index]!;
      into.orderCount[entry] = this.orderCount[index]!;
      entry += 1;
    }
    into.length = entry;
  }

  /** From index `from` on, walks old and new levels together: best first, each price once. */
  #merge(newest: DepthSide, from: number, newLength: number, sequence: number): void {
    reserveScratch(Math.max(this.length, newLength));
    const { removed, added, stamp: newStamp } = scratch;
    const oldLength = this.length;
    const direction = this.#direction;
    let removedCount = 0;
    let addedCount = 0;
    let oldIndex = from;
    let newIndex = from;
    while (oldIndex < oldLength || newIndex < newLength) {
      const order =
        oldIndex === oldLength
          ? 1
          : newIndex === newLength
            ? -1
            : (this.price[oldIndex]! - newest.price[newIndex]!) * direction;
      if (order < 0) {
        const price = this.price[oldIndex]!;
        removed[removedCount] = price;
        removedCount += 1;
        this.#checksum -= levelChecksum(this.#side, price, this.quantity[oldIndex]!) | 0;
        oldIndex += 1;
      } else if (order > 0) {
        const price = newest.price[newIndex]!;
        added[addedCount] = price;
        addedCount += 1;
        this.#checksum += levelChecksum(this.#side, price, newest.quantity[newIndex]!) | 0;
        newStamp[newIndex] = sequence;
        newIndex += 1;
      } else {
        newStamp[newIndex] = this.#stampOf(newest, oldIndex, newIndex, sequence);
        oldIndex += 1;
        newIndex += 1;
      }
      this.#checksum |= 0;
    }
    this.#copy(newest, from, newLength);
    this.tombstones.revive(added, addedCount);
    if (removedCount > 0) this.tombstones.bury(removed, removedCount, sequence);
  }

  /** The stamp of a level that was there and still is. */
  #stampOf(newest: DepthSide, oldIndex: number, newIndex: number, sequence: number): number {
    const oldQuantity = this.quantity[oldIndex]!;
    const newQuantity = newest.quantity[newIndex]!;
    if (oldQuantity !== newQuantity) this.#requantify(this.price[oldIndex]!, oldQuantity, newQuantity);
    else if (this.orderCount[oldIndex] === newest.orderCount[newIndex]) return this.#stamp[oldIndex]!;
    return sequence;
  }

  #requantify(price: number, oldQuantity: number, newQuantity: number): void {
    if (oldQuantity === newQuantity) return;
    const gone = levelChecksum(this.#side, price, oldQuantity);
    this.#checksum = (this.#checksum + levelChecksum(this.#side, price, newQuantity) - gone) | 0;
  }

  #copy(newest: DepthSide, from: number, newLength: number): void {
    this.reserve(newLength, this.#depth);
    const { price, quantity, orderCount } = this;
    const stamp = this.#stamp;
    for (let index = from; index < newLength; index += 1) {
      price[index] = newest.price[index]!;
      quantity[index] = newest.quantity[index]!;
      orderCount[index] = newest.orderCount[index]!;
      stamp[index] = scratch.stamp[index]!;
    }
    this.length = newLength;
  }

  protected override resize(capacity: number): void {
    super.resize(capacity);
    const stamp = new Float64Array(capacity);
    stamp.set(this.#stamp);
    this.#stamp = stamp;
  }
}

function reserveScratch(levels: number): void {
  if (levels <= scratch.stamp.length) return;
  const capacity = Math.max(levels, scratch.stamp.length * 2);
  scratch.stamp = new Float64Array(capacity);
  scratch.removed = new Float64Array(capacity);
  scratch.added = new Float64Array(capacity);
}
