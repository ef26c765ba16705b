import type { SeededHash } from "./seeded-hash.ts";
import { segmentOf, segmentSlots } from "./segments.ts";
import { ENTRY_WORDS, homeOf, SlotTable } from "./slot-table.ts";

/** Ticks of a page: the bits of a bitmap word. */
export const PAGE_TICKS = 32;
/** Quads of a page. */
export const PAGE_QUADS = 8;

/** Pages that are found without a search, a power of two: 512 ticks about the best price, 192 bytes. */
const RECENT_PAGES = 16;
/** Pages of the first segment, as a power of two: 8 pages, 512 bytes. */
const FIRST_BITS = 3;

// A page is one cache line: its number as a double, bitmap, eight quads, 20 bytes spare.
const PAGE_WORDS_BITS = 4;
const PAGE_DOUBLES_BITS = 3;
const BITMAP = 2;
const QUADS = 3;

/**
 * The pages of one side, found by page number. A page says with one bit for each of its 32 ticks whether
 * there is a level, and where the quads of levels are. Pages are numbered from 1; 0 is no page.
 */
export class PageStore {
  readonly table = new SlotTable();
  /** Two views of the same segments. */
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];
  readonly #hash: SeededHash;
  /** The page found latest for each `number & (RECENT_PAGES - 1)`; NaN where there is none. */
  readonly #recentNumbers = new Float64Array(RECENT_PAGES).fill(Number.NaN);
  readonly #recentPages = new Int32Array(RECENT_PAGES);
  /** Free pages are linked by their bitmap words. */
  #freeHead = 0;
  #usedEnd = 1;

  constructor(hash: SeededHash) {
    this.#hash = hash;
  }

  /** Pages in use. */
  get live(): number {
    return this.table.count;
  }

  /** The page with this number, 0 where there is none. */
  find(number: number): number {
    const recent = number & (RECENT_PAGES - 1);
    if (this.#recentNumbers[recent] === number) return this.#recentPages[recent]!;
    const page = this.#search(number);
    if (page !== 0) {
      this.#recentNumbers[recent] = number;
      this.#recentPages[recent] = page;
    }
    return page;
  }

  /** The page that a search for this number looks at first, mostly the right one; 0 where there is none. */
  guess(number: number): number {
    const { entries } = this.table;
    return entries[homeOf(entries, this.hashOfNumber(number))]!;
  }

  /** A page without levels, for a number that has none. */
  allocate(number: number): number {
    let page = this.#freeHead;
    if (page === 0) page = this.#allocateFresh();
    else this.#freeHead = this.bitmap(page);
    const doubles = this.doubles[segmentOf(page, FIRST_BITS)]!;
    doubles[(page << PAGE_DOUBLES_BITS) & (doubles.length - 1)] = number;
    this.setBitmap(page, 0);
    this.table.insert(page, this.hashOfNumber(number));
    return page;
  }

  /** Takes back a page without levels and quads. */
  release(page: number): void {
    const number = this.number(page);
    this.table.remove(page, this.hashOfNumber(number));
    const recent = number & (RECENT_PAGES - 1);
    if (this.#recentNumbers[recent] === number) this.#recentNumbers[recent] = Number.NaN;
    this.setBitmap(page, this.#freeHead);
    this.#freeHead = page;
  }

  number(page: number): number {
    const doubles = this.doubles[segmentOf(page, FIRST_BITS)]!;
    return doubles[(page << PAGE_DOUBLES_BITS) & (doubles.length - 1)]!;
  }

  bitmap(page: number): number {
    return this.#word(page, BITMAP);
  }

  setBitmap(page: number, bitmap: number): void {
    this.#setWord(page, BITMAP, bitmap);
  }

  /** The quad of four ticks at `index` (0 to 7), 0 where there is none. */
  quad(page: number, index: number): number {
    return this.#word(page, QUADS + index);
  }

  setQuad(page: number, index: number, quad: number): void {
    this.#setWord(page, QUADS + index, quad);
  }

  /** Page numbers reach ±2^48, so both words count. */
  hashOfNumber(number: number): number {
    return this.#hash.ofWords(number | 0, Math.floor(number / 0x1_0000_0000));
  }

  clear(): void {
    this.table.clear();
    this.words.length = 0;
    this.doubles.length = 0;
    this.#recentNumbers.fill(Number.NaN);
    this.#freeHead = 0;
    this.#usedEnd = 1;
  }

  #search(number: number): number {
    const hash = this.hashOfNumber(number);
    const page = this.#probe(this.table.entries, number, hash);
    if (page !== 0 || !this.table.isDraining) return page;
    return this.#probe(this.table.draining, number, hash);
  }

  #probe(entries: Int32Array, number: number, hash: number): number {
    const mask = entries.length - ENTRY_WORDS;
    for (let at = homeOf(entries, hash); ; at = (at + ENTRY_WORDS) & mask) {
      const page = entries[at]!;
      if (page === 0 || (entries[at + 1] === hash && this.number(page) === number)) return page;
    }
  }

  #word(page: number, field: number): number {
    const words = this.words[segmentOf(page, FIRST_BITS)]!;
    return words[((page << PAGE_WORDS_BITS) & (words.length - 1)) + field]!;
  }

  #setWord(page: number, field: number, value: number): void {
    const words = this.words[segmentOf(page, FIRST_BITS)]!;
    words[((page << PAGE_WORDS_BITS) & (words.length - 1)) + field] = value;
  }

  #allocateFresh(): number {
    const page = this.#usedEnd;
    const segment = segmentOf(page, FIRST_BITS);
    if (segment === this.words.length) {
      const buffer = new ArrayBuffer(segmentSlots(segment, FIRST_BITS) << (PAGE_WORDS_BITS + 2));
      this.words.push(new Int32Array(buffer));
      this.doubles.push(new Float64Array(buffer));
    }
    this.#usedEnd += 1;
    return page;
  }
}
