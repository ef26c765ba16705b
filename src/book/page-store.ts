import { RecordSegments } from "./record-segments.ts";
import type { SeededHash } from "./seeded-hash.ts";
import { SlotTable } from "./slot-table.ts";

/** Ticks of a page: the bits of a bitmap word. */
export const PAGE_TICKS = 32;
/** Quads of a page. */
export const PAGE_QUADS = 8;

/** Pages that are found without a search, a power of two: 512 ticks about the best price, 192 bytes. */
const RECENT_PAGES = 64;
/** Pages of a segment, as a power of two: 256 KB; and of the first one at first: 512 bytes. */
const SEGMENT_BITS = 12;
const PLACE_MASK = (1 << SEGMENT_BITS) - 1;
const FIRST_RECORDS = 8;

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
  readonly #segments = new RecordSegments(1 << PAGE_WORDS_BITS, SEGMENT_BITS, FIRST_RECORDS);
  /** Two views of the same segments. */
  readonly words = this.#segments.words;
  readonly doubles = this.#segments.doubles;
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
    const { entries, mask } = this.table;
    return entries[(this.hashOfNumber(number) << 1) & mask]!;
  }

  /** A page without levels, for a number that has none. */
  allocate(number: number): number {
    let page = this.#freeHead;
    if (page === 0) page = this.#allocateFresh();
    else this.#freeHead = this.bitmap(page);
    const doubles = this.doubles[page >>> SEGMENT_BITS]!;
    doubles[(page & PLACE_MASK) << PAGE_DOUBLES_BITS] = number;
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
    const doubles = this.doubles[page >>> SEGMENT_BITS]!;
    return doubles[(page & PLACE_MASK) << PAGE_DOUBLES_BITS]!;
  }

  bitmap(page: number): number {
    return this.#word(page, BITMAP);
  }

  setBitmap(page: number, bitmap: number): void {
    this.#setWord(page, BITMAP, bitmap);
  }

  /** The handle of the level at a tick (0 to 31) of a page, 0 where there is none. */
  levelAt(page: number, tick: number): number {
    const words = this.words[page >>> SEGMENT_BITS]!;
    const at = (page & PLACE_MASK) << PAGE_WORDS_BITS;
    if (((words[at + BITMAP]! >>> tick) & 1) === 0) return 0;
    return words[at + QUADS + (tick >> 2)]! * 4 + (tick & 3);
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
    this.#segments.clear();
    this.#recentNumbers.fill(Number.NaN);
    this.#freeHead = 0;
    this.#usedEnd = 1;
  }

  #search(number: number): number {
    const hash = this.hashOfNumber(number);
    const page = this.#probe(this.table.entries, this.table.mask, number, hash);
    if (page !== 0 || !this.table.isDraining) return page;
    return this.#probe(this.table.draining, this.table.draining.length - 2, number, hash);
  }

  #probe(entries: Int32Array, mask: number, number: number, hash: number): number {
    for (let at = (hash << 1) & mask; ; at = (at + 2) & mask) {
      const page = entries[at]!;
      if (page === 0 || (entries[at + 1] === hash && this.number(page) === number)) return page;
    }
  }

  #word(page: number, field: number): number {
    const words = this.words[page >>> SEGMENT_BITS]!;
    return words[((page & PLACE_MASK) << PAGE_WORDS_BITS) + field]!;
  }

  #setWord(page: number, field: number, value: number): void {
    const words = this.words[page >>> SEGMENT_BITS]!;
    words[((page & PLACE_MASK) << PAGE_WORDS_BITS) + field] = value;
  }

  #allocateFresh(): number {
    const page = this.#usedEnd;
    this.#segments.reserve(page);
    this.#usedEnd += 1;
    return page;
  }
}
