import { LevelStore } from "./level-store.ts";
import { Side } from "./order-events.ts";
import { PageDirectory } from "./page-directory.ts";
import { PAGE_QUADS, PAGE_TICKS, PageStore } from "./page-store.ts";
import type { SeededHash } from "./seeded-hash.ts";

/**
 * The price levels of one side, best first.
 *
 * Inside, a price is a rank: its number of ticks, negated for bids, so that the lowest rank is the best
 * price on both sides and one code serves both. Ranks are grouped in pages of 32. A level is there while it
 * has an order; whoever takes the last one away closes it.
 */
export class Ladder {
  readonly side: Side;
  readonly tickSize: number;
  /** The tick size, negative for bids. */
  readonly #signedTick: number;
  /** What a number of ticks becomes a rank by: -1 for bids, 1 for asks. */
  readonly sign: number;
  readonly pages: PageStore;
  readonly levels = new LevelStore();
  readonly directory = new PageDirectory();
  levelCount = 0;
  /** The rank of the best price; Infinity where there is no level. */
  bestRank = Number.POSITIVE_INFINITY;

  /** `tickSize` is at least 1; all prices are multiples of it. */
  constructor(side: Side, tickSize: number, hash: SeededHash) {
    this.side = side;
    this.tickSize = tickSize;
    this.#signedTick = side === Side.bid ? -tickSize : tickSize;
    this.sign = side === Side.bid ? -1 : 1;
    this.pages = new PageStore(hash);
  }

  /** Adding 0 makes 0 of -0. A factor, since the processor cannot guess which side the next event is on. */
  rankOf(price: number): number {
    return price / this.#signedTick + 0;
  }

  priceOf(rank: number): number {
    return rank * this.#signedTick + 0;
  }

  /** The best price mantissa; undefined where there is no level. */
  bestPrice(): number | undefined {
    return this.levelCount === 0 ? undefined : this.priceOf(this.bestRank);
  }

  /** The handle of the level at a rank, 0 where there is none. */
  find(rank: number): number {
    const number = Math.floor(rank / PAGE_TICKS);
    const page = this.pages.find(number);
    return page === 0 ? 0 : this.pages.levelAt(page, rank - number * PAGE_TICKS);
  }

  /** Makes the level at a rank that has none, for an order that is added next. Returns its handle. */
  open(rank: number): number {
    const pages = this.pages;
    const number = Math.floor(rank / PAGE_TICKS);
    let page = pages.find(number);
    if (page === 0) {
      page = pages.allocate(number);
      this.directory.insert(number, page);
    }
    const offset = rank - number * PAGE_TICKS;
    const index = offset >> 2;
    let quad = pages.quad(page, index);
    if (quad === 0) {
      quad = this.levels.allocateQuad(page * PAGE_QUADS + index);
      pages.setQuad(page, index, quad);
    }
    pages.setBitmap(page, pages.bitmap(page) | (1 << offset));
    this.levelCount += 1;
    if (rank < this.bestRank) this.bestRank = rank;
    return quad * 4 + (offset & 3);
  }

  /** Adds an order to a level. */
  addOrder(handle: number, quantity: number): void {
    this.levels.change(handle, quantity, 1);
  }

  /** Takes an order off its level; a level left without orders is closed. */
  removeOrder(handle: number, quantity: number): void {
    if (this.levels.change(handle, -quantity, -1) === 0) this.#close(handle);
  }

  /** The rank of a level. */
  rankAt(handle: number): number {
    const owner = this.levels.owner(handle >> 2);
    const offset = (owner & (PAGE_QUADS - 1)) * 4 + (handle & 3);
    return this.pages.number(owner >> 3) * PAGE_TICKS + offset;
  }

  /** Writes the best `levels` levels, best first, from index 0 of columns that hold them. Returns how many. */
  copyTop(levels: number, price: Float64Array, quantity: Float64Array, orderCount: Uint32Array): number {
    const { pages, levels: store } = this;
    let copied = 0;
    for (const block of this.directory.blocks) {
      for (let i = 0; i < block.length; i++) {
        const page = block.pages[i]!;
        const firstRank = block.numbers[i]! * PAGE_TICKS;
        for (let bits = pages.bitmap(page); bits !== 0; bits &= bits - 1) {
          if (copied === levels) return copied;
          const offset = lowestBit(bits);
          const handle = pages.quad(page, offset >> 2) * 4 + (offset & 3);
          price[copied] = this.priceOf(firstRank + offset);
          quantity[copied] = store.total(handle);
          orderCount[copied] = store.count(handle);
          copied += 1;
        }
      }
    }
    return copied;
  }

  /** Forgets all levels and gives their memory back. */
  clear(): void {
    this.pages.clear();
    this.levels.clear();
    this.directory.clear();
    this.levelCount = 0;
    this.bestRank = Number.POSITIVE_INFINITY;
  }

  #close(handle: number): void {
    const pages = this.pages;
    const quad = handle >> 2;
    const owner = this.levels.owner(quad);
    const page = owner >> 3;
    const index = owner & (PAGE_QUADS - 1);
    const offset = index * 4 + (handle & 3);
    const number = pages.number(page);
    const bitmap = pages.bitmap(page) & ~(1 << offset);
    pages.setBitmap(page, bitmap);
    if (((bitmap >>> (index * 4)) & 15) === 0) {
      pages.setQuad(page, index, 0);
      this.levels.releaseQuad(quad);
    }
    if (bitmap === 0) {
      this.directory.remove(number);
      pages.release(page);
    }
    this.levelCount -= 1;
    if (number * PAGE_TICKS + offset === this.bestRank) this.bestRank = this.#firstRank();
  }

  #firstRank(): number {
    const page = this.directory.first();
    if (page === 0) return Number.POSITIVE_INFINITY;
    return this.pages.number(page) * PAGE_TICKS + lowestBit(this.pages.bitmap(page));
  }
}

/** The number of the lowest bit that is set. */
function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
