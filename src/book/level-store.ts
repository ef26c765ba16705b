import { RecordSegments } from "./record-segments.ts";

/** Quads of a segment, as a power of two: 256 KB; and of the first one at first: 1 KB. */
const QUAD_BITS = 12;
const QUAD_MASK = (1 << QUAD_BITS) - 1;
const FIRST_QUADS = 16;
const LEVEL_BITS = QUAD_BITS + 2;
const LEVEL_MASK = (1 << LEVEL_BITS) - 1;
const QUAD_WORDS = 16;

// A level is 16 bytes: the total as a double, then two words. A quad is one cache line.
const COUNT = 2;
const NAMELESS = 3;

/**
 * The price levels of one side, in quads: four neighbouring ticks share one, so that a book with levels far
 * apart pays for four ticks and not for the 32 of a page. A level's handle is `quad * 4 + tick within it`
 * and stays good while the level exists. Quads are numbered from 1, so 0 is no handle.
 */
export class LevelStore {
  readonly #segments = new RecordSegments(QUAD_WORDS, QUAD_BITS, FIRST_QUADS);
  /** Two views of the same segments. */
  readonly words = this.#segments.words;
  readonly doubles = this.#segments.doubles;
  /** Quads in use. */
  live = 0;
  /** `page * 8 + quad within the page`; in a free quad the next free one. */
  readonly #owners = new RecordSegments(1, QUAD_BITS, FIRST_QUADS);
  #freeHead = 0;
  #usedEnd = 1;

  /** A quad with four levels of nothing. */
  allocateQuad(owner: number): number {
    let quad = this.#freeHead;
    if (quad === 0) quad = this.#allocateFresh();
    else this.#freeHead = this.owner(quad);
    this.#setOwner(quad, owner);
    this.live += 1;
    return quad;
  }

  /** Takes back a quad whose levels are all reset. */
  releaseQuad(quad: number): void {
    this.#setOwner(quad, this.#freeHead);
    this.#freeHead = quad;
    this.live -= 1;
  }

  /** Where the quad hangs: `page * 8 + quad within the page`. */
  owner(quad: number): number {
    const owners = this.#owners.words[quad >>> QUAD_BITS]!;
    return owners[quad & QUAD_MASK]!;
  }

  /** The sum of the level's orders. */
  total(handle: number): number {
    const doubles = this.doubles[handle >>> LEVEL_BITS]!;
    return doubles[(handle & LEVEL_MASK) << 1]!;
  }

  setTotal(handle: number, total: number): void {
    const doubles = this.doubles[handle >>> LEVEL_BITS]!;
    doubles[(handle & LEVEL_MASK) << 1] = total;
  }

  /** How many orders the level has. */
  count(handle: number): number {
    return this.#word(handle, COUNT);
  }

  setCount(handle: number, count: number): void {
    this.#setWord(handle, COUNT, count);
  }

  /** Adds to the total and to the number of orders of a level, or takes off. Returns the new number. */
  change(handle: number, quantity: number, orders: number): number {
    const segment = handle >>> LEVEL_BITS;
    const place = handle & LEVEL_MASK;
    this.doubles[segment]![place * 2]! += quantity;
    return (this.words[segment]![place * 4 + COUNT]! += orders);
  }

  /** The slot of the level's nameless order, 0 where it has none. */
  nameless(handle: number): number {
    return this.#word(handle, NAMELESS);
  }

  setNameless(handle: number, slot: number): void {
    this.#setWord(handle, NAMELESS, slot);
  }

  clear(): void {
    this.#segments.clear();
    this.#owners.clear();
    this.live = 0;
    this.#freeHead = 0;
    this.#usedEnd = 1;
  }

  #word(handle: number, field: number): number {
    const words = this.words[handle >>> LEVEL_BITS]!;
    return words[((handle & LEVEL_MASK) << 2) + field]!;
  }

  #setWord(handle: number, field: number, value: number): void {
    const words = this.words[handle >>> LEVEL_BITS]!;
    words[((handle & LEVEL_MASK) << 2) + field] = value;
  }

  #setOwner(quad: number, owner: number): void {
    const owners = this.#owners.words[quad >>> QUAD_BITS]!;
    owners[quad & QUAD_MASK] = owner;
  }

  #allocateFresh(): number {
    const quad = this.#usedEnd;
    this.#segments.reserve(quad);
    this.#owners.reserve(quad);
    this.#usedEnd += 1;
    return quad;
  }
}
