import { addChecksum, levelChecksum, subtractChecksum } from "../book/checksum.ts";
import { Side } from "../book/order-events.ts";
import type { PriceLevel } from "./market-update.ts";

/**
 * One side of a client's book: the levels of a window, best first, with their checksum kept up to date.
 * A sorted array, because windows are small and are read from the best level on.
 */
export class BookSide {
  readonly side: Side;
  readonly #levels: PriceLevel[] = [];
  #checksum = 0;

  constructor(side: Side) {
    this.side = side;
  }

  /** Best first. Live: changes with the book; copy it to keep it. */
  get levels(): readonly PriceLevel[] {
    return this.#levels;
  }

  /** This side's part of the window's checksum, a uint32. */
  get checksum(): number {
    return this.#checksum;
  }

  clear(): void {
    this.#levels.length = 0;
    this.#checksum = 0;
  }

  /** Takes over a snapshot's levels. False = not strictly best first, or a level without quantity. */
  replace(levels: readonly PriceLevel[]): boolean {
    this.clear();
    let previous: PriceLevel | undefined;
    for (const level of levels) {
      if (level.quantity <= 0) return false;
      if (previous !== undefined && !this.#isBetter(previous.price, level.price)) return false;
      this.#levels.push(level);
      this.#checksum = addChecksum(this.#checksum, this.#part(level));
      previous = level;
    }
    return true;
  }

  /** Sets one price to its new total; 0 removes it, and is harmless where there is no such price. */
  set(level: PriceLevel): void {
    const index = this.#find(level.price);
    const present = this.#levels[index];
    const found = present !== undefined && present.price === level.price;
    if (found) this.#checksum = subtractChecksum(this.#checksum, this.#part(present));
    if (level.quantity === 0) {
      if (found) this.#levels.splice(index, 1);
      return;
    }
    this.#checksum = addChecksum(this.#checksum, this.#part(level));
    this.#levels.splice(index, found ? 1 : 0, level);
  }

  /** The index of the first level that is not better than `price`. */
  #find(price: number): number {
    let low = 0;
    let high = this.#levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBetter(this.#levels[middle]!.price, price)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBetter(price: number, than: number): boolean {
    return this.side === Side.bid ? price > than : price < than;
  }

  #part(level: PriceLevel): number {
    return levelChecksum(this.side, level.price, level.quantity);
  }
}
