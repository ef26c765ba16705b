/**
 * Memory for records of one size, in segments, as words and as doubles. A segment holds 2^`segmentBits`
 * records, so record `slot` is number `slot & (2^segmentBits - 1)` of segment `slot >>> segmentBits`.
 *
 * The first segment begins small and doubles, copied, until it is whole, so that a book with few orders
 * stays small; after it nothing is copied again, no growth stalls, and at most one segment is not in use.
 * Whoever holds a segment's array takes it anew after `reserve`.
 */
export class RecordSegments {
  /** Two views of the same segments. */
  readonly words: Int32Array[] = [];
  readonly doubles: Float64Array[] = [];
  readonly #recordBytes: number;
  readonly #segmentBits: number;
  readonly #firstRecords: number;

  /** `recordWords` times `firstRecords`, a power of two, is even. */
  constructor(recordWords: number, segmentBits: number, firstRecords: number) {
    this.#recordBytes = recordWords * 4;
    this.#segmentBits = segmentBits;
    this.#firstRecords = firstRecords;
  }

  /** Makes sure that there is a record `slot`, filled with zeros; there are all below it. */
  reserve(slot: number): void {
    const segment = slot >>> this.#segmentBits;
    const old = this.words[segment];
    const place = slot - (segment << this.#segmentBits);
    if (old !== undefined && place * this.#recordBytes < old.byteLength) return;
    const whole = this.#recordBytes << this.#segmentBits;
    const first = old === undefined ? this.#recordBytes * this.#firstRecords : old.byteLength * 2;
    const buffer = new ArrayBuffer(segment === 0 ? Math.min(first, whole) : whole);
    const words = new Int32Array(buffer);
    if (old !== undefined) words.set(old);
    this.words[segment] = words;
    this.doubles[segment] = new Float64Array(buffer);
  }

  /** Gives all memory back. */
  clear(): void {
    this.words.length = 0;
    this.doubles.length = 0;
  }
}
