import { placeIn, segmentOf, segmentSlots } from "./segments.ts";

/** Levels of the first segment, as a power of two: 64 levels, 1 KB. */
const FIRST_BITS = 6;
const FIRST_QUAD_BITS = FIRST_BITS - 2;

// A level is 16 bytes: the total as a double, then two words. A quad is one cache line.
const COUNT = 2;
const NAMELESS = 3;

/**
 * The price levels of one side, in quads: four neighbouring ticks share one, so that a book with levels far
 * apart pays for four ticks and not for the 32 of a page. A level's handle is `quad * 4 + tick within it`
 * and stays good while the level exists. Quads are numbered from 1, so 0 is no handle.
 */
export class LevelStore {
  /** Two views of the same segments. */
  readonly doubles: Float64Array[] = [];
  readonly words: Int32Array[] = [];
  /** Quads in use. */
  live = 0;
  /** `page * 8 + quad within the page`; in a free quad the next free one. */
  readonly #owners: Int32Array[] = [];
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
    const owners = this.#owners[segmentOf(quad, FIRST_QUAD_BITS)]!;
    return owners[quad & (owners.length - 1)]!;
  }

  /** The sum of the level's orders. */
  total(handle: number): number {
    const doubles = this.doubles[segmentOf(handle, FIRST_BITS)]!;
    return doubles[(handle << 1) & (doubles.length - 1)]!;
  }

  setTotal(handle: number, total: number): void {
    const doubles = this.doubles[segmentOf(handle, FIRST_BITS)]!;
    doubles[(handle << 1) & (doubles.length - 1)] = total;
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
    const segment = segmentOf(handle, FIRST_BITS);
    const place = placeIn(handle, FIRST_BITS);
    const words = this.words[segment]!;
    this.doubles[segment]![place * 2]! += quantity;
    return (words[place * 4 + COUNT]! += orders);
  }

  /** The slot of the level's nameless order, 0 where it has none. */
  nameless(handle: number): number {
    return this.#word(handle, NAMELESS);
  }

  setNameless(handle: number, slot: number): void {
    this.#setWord(handle, NAMELESS, slot);
  }

  clear(): void {
    this.doubles.length = 0;
    this.words.length = 0;
    this.#owners.length = 0;
    this.live = 0;
    this.#freeHead = 0;
    this.#usedEnd = 1;
  }

  #word(handle: number, field: number): number {
    const words = this.words[segmentOf(handle, FIRST_BITS)]!;
    return words[((handle << 2) & (words.length - 1)) + field]!;
  }

  #setWord(handle: number, field: number, value: number): void {
    const words = this.words[segmentOf(handle, FIRST_BITS)]!;
    words[((handle << 2) & (words.length - 1)) + field] = value;
  }

  #setOwner(quad: number, owner: number): void {
    const owners = this.#owners[segmentOf(quad, FIRST_QUAD_BITS)]!;
    owners[quad & (owners.length - 1)] = owner;
  }

  #allocateFresh(): number {
    const quad = this.#usedEnd;
    const segment = segmentOf(quad, FIRST_QUAD_BITS);
    if (segment === this.#owners.length) {
      const buffer = new ArrayBuffer(segmentSlots(segment, FIRST_BITS) * 16);
      this.doubles.push(new Float64Array(buffer));
      this.words.push(new Int32Array(buffer));
      this.#owners.push(new Int32Array(segmentSlots(segment, FIRST_QUAD_BITS)));
    }
    this.#usedEnd += 1;
    return quad;
  }
}
