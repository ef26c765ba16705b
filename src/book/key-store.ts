import { segmentOf, segmentSlots } from "./segments.ts";

/** Keys are kept in places of 16, 32, 48 or 64 bytes, so at most 15 bytes of a key are wasted. */
const CLASS_BYTES = 16;
const CLASSES = 4;
/** Places of the first segment of a class, as a power of two. */
const FIRST_BITS = 4;

/**
 * The bytes of the order keys of a book. A reference is a number that stays good until it is released.
 * Lengths are kept by the orders, not here.
 */
export class KeyStore {
  /** Keys that are kept. */
  live = 0;
  readonly #classes: KeyClass[] = [];

  /** Copies a key of 1 to 64 bytes in, and returns its reference. */
  store(bytes: Uint8Array, offset: number, length: number): number {
    const sizeClass = (length - 1) >> 4;
    const place = this.#class(sizeClass).store(bytes, offset, length);
    this.live += 1;
    return place * CLASSES + sizeClass;
  }

  release(reference: number): void {
    this.#classes[reference & (CLASSES - 1)]!.release(reference >> 2);
    this.live -= 1;
  }

  /** Whether the key at `reference` begins with these bytes. */
  equals(reference: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const keys = this.#classes[reference & (CLASSES - 1)]!;
    const place = reference >> 2;
    const segment = keys.segment(place);
    const at = keys.at(place);
    for (let i = 0; i < length; i++) {
      if (segment[at + i] !== bytes[offset + i]) return false;
    }
    return true;
  }

  /** The bytes of a key, to read at once: the place may be used for another key later. */
  view(reference: number, length: number): Uint8Array {
    const keys = this.#classes[reference & (CLASSES - 1)]!;
    const at = keys.at(reference >> 2);
    return keys.segment(reference >> 2).subarray(at, at + length);
  }

  clear(): void {
    this.#classes.length = 0;
    this.live = 0;
  }

  #class(sizeClass: number): KeyClass {
    while (this.#classes.length <= sizeClass) {
      this.#classes.push(new KeyClass((this.#classes.length + 1) * CLASS_BYTES));
    }
    return this.#classes[sizeClass]!;
  }
}

/** Places of one width, from 1 on; a free one holds the number of the next free one. */
class KeyClass {
  readonly #width: number;
  readonly #bytes: Uint8Array[] = [];
  /** The same segments as words. */
  readonly #words: Int32Array[] = [];
  #freeHead = 0;
  #usedEnd = 1;

  constructor(width: number) {
    this.#width = width;
  }

  store(bytes: Uint8Array, offset: number, length: number): number {
    let place = this.#freeHead;
    if (place === 0) place = this.#allocateFresh();
    else this.#freeHead = this.#words[segmentOf(place, FIRST_BITS)]![this.at(place) >> 2]!;
    const segment = this.segment(place);
    const at = this.at(place);
    for (let i = 0; i < length; i++) segment[at + i] = bytes[offset + i]!;
    return place;
  }

  release(place: number): void {
    this.#words[segmentOf(place, FIRST_BITS)]![this.at(place) >> 2] = this.#freeHead;
    this.#freeHead = place;
  }

  segment(place: number): Uint8Array {
    return this.#bytes[segmentOf(place, FIRST_BITS)]!;
  }

  /** Where a place starts in its segment. */
  at(place: number): number {
    return (place & (segmentSlots(segmentOf(place, FIRST_BITS), FIRST_BITS) - 1)) * this.#width;
  }

  #allocateFresh(): number {
    const place = this.#usedEnd;
    const segment = segmentOf(place, FIRST_BITS);
    if (segment === this.#bytes.length) {
      const buffer = new ArrayBuffer(segmentSlots(segment, FIRST_BITS) * this.#width);
      this.#bytes.push(new Uint8Array(buffer));
      this.#words.push(new Int32Array(buffer));
    }
    this.#usedEnd += 1;
    return place;
  }
}
