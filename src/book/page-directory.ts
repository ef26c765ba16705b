/** Most pages of a block; a full one is halved. */
export const BLOCK_PAGES_MAX = 128;
const BLOCK_PAGES_MIN = 8;
/** A block that has shrunk to this many is merged with a neighbour, where both fit three quarters of one. */
const MERGE_PAGES = 32;
const MERGED_PAGES_MAX = 96;

const NO_NUMBERS = new Float64Array(0);

/** Consecutive pages in ascending order of number. */
export interface DirectoryBlock {
  length: number;
  numbers: Float64Array;
  pages: Int32Array;
}

/**
 * The pages of one side in order: sorted page numbers in blocks of up to 128, found by binary search over
 * the blocks' first numbers and then inside the block. An insertion moves at most one block's entries, so
 * its cost stays flat up to millions of pages, where a single sorted array does not.
 */
export class PageDirectory {
  readonly blocks: DirectoryBlock[] = [];
  /** The first number of each block. */
  firsts: Float64Array = NO_NUMBERS;

  /** The page with the lowest number, 0 where there is none. */
  first(): number {
    return this.blocks.length === 0 ? 0 : this.blocks[0]!.pages[0]!;
  }

  /** Enters a page whose number is not there. */
  insert(number: number, page: number): void {
    if (this.blocks.length === 0) this.#insertBlock(0, createBlock(BLOCK_PAGES_MIN));
    let index = this.#blockOf(number);
    if (this.blocks[index]!.length === BLOCK_PAGES_MAX) {
      this.#split(index);
      index = this.#blockOf(number);
    }
    const block = this.blocks[index]!;
    if (block.length === block.numbers.length) resizeBlock(block, block.length * 2);
    const at = lowerBound(block.numbers, block.length, number);
    block.numbers.copyWithin(at + 1, at, block.length);
    block.pages.copyWithin(at + 1, at, block.length);
    block.numbers[at] = number;
    block.pages[at] = page;
    block.length += 1;
    if (at === 0) this.firsts[index] = number;
  }

  /** Removes a number that is there. */
  remove(number: number): void {
    const index = this.#blockOf(number);
    const block = this.blocks[index]!;
    const at = lowerBound(block.numbers, block.length, number);
    block.numbers.copyWithin(at, at + 1, block.length);
    block.pages.copyWithin(at, at + 1, block.length);
    block.length -= 1;
    if (block.length === 0) {
      this.#removeBlock(index);
      return;
    }
    if (at === 0) this.firsts[index] = block.numbers[0]!;
    if (block.length <= MERGE_PAGES) {
      if (index > 0) this.#mergeWithNext(index - 1);
      else if (this.blocks.length > 1) this.#mergeWithNext(0);
    }
  }

  clear(): void {
    this.blocks.length = 0;
    this.firsts = NO_NUMBERS;
  }

  /** The block that holds `number` or would: the last that begins at or below it, or else the first. */
  #blockOf(number: number): number {
    const at = lowerBound(this.firsts, this.blocks.length, number);
    if (at < this.blocks.length && this.firsts[at] === number) return at;
    return at === 0 ? 0 : at - 1;
  }

  #split(index: number): void {
    const block = this.blocks[index]!;
    const half = BLOCK_PAGES_MAX / 2;
    const upper = createBlock(BLOCK_PAGES_MAX);
    upper.numbers.set(block.numbers.subarray(half, block.length));
    upper.pages.set(block.pages.subarray(half, block.length));
    upper.length = block.length - half;
    block.length = half;
    this.#insertBlock(index + 1, upper);
  }

  #mergeWithNext(index: number): void {
    const block = this.blocks[index]!;
    const next = this.blocks[index + 1]!;
    const length = block.length + next.length;
    if (length > MERGED_PAGES_MAX) return;
    if (block.numbers.length < length) resizeBlock(block, BLOCK_PAGES_MAX);
    block.numbers.set(next.numbers.subarray(0, next.length), block.length);
    block.pages.set(next.pages.subarray(0, next.length), block.length);
    block.length = length;
    this.#removeBlock(index + 1);
  }

  #insertBlock(index: number, block: DirectoryBlock): void {
    const count = this.blocks.length;
    if (count === this.firsts.length) {
      const firsts = new Float64Array(Math.max(4, count * 2));
      firsts.set(this.firsts);
      this.firsts = firsts;
    }
    this.firsts.copyWithin(index + 1, index, count);
    this.firsts[index] = block.numbers[0]!;
    this.blocks.splice(index, 0, block);
  }

  #removeBlock(index: number): void {
    this.firsts.copyWithin(index, index + 1, this.blocks.length);
    this.blocks.splice(index, 1);
  }
}

function createBlock(capacity: number): DirectoryBlock {
  return { length: 0, numbers: new Float64Array(capacity), pages: new Int32Array(capacity) };
}

function resizeBlock(block: DirectoryBlock, capacity: number): void {
  const { numbers, pages } = block;
  block.numbers = new Float64Array(capacity);
  block.numbers.set(numbers);
  block.pages = new Int32Array(capacity);
  block.pages.set(pages);
}

/** The first index whose number is not below `number`; without branches that the processor has to guess. */
function lowerBound(numbers: Float64Array, length: number, number: number): number {
  let base = 0;
  let left = length;
  while (left > 1) {
    const half = left >> 1;
    base += half & -(numbers[base + half - 1]! < number ? 1 : 0);
    left -= half;
  }
  return left === 1 && numbers[base]! < number ? base + 1 : base;
}
