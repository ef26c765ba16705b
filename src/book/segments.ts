/**
 * The key store grows by segments, each twice as large as all before it, so that nothing is ever copied, no
 * growth stalls, and a book with few keys stays small. With `firstBits` = 6 segment 0 holds the slots 0 to
 * 63, segment s >= 1 the slots 64·2^(s-1) to 64·2^s - 1.
 *
 * Every segment starts at a power of two (or at 0), so a slot's place in it is `slot & (slots - 1)`.
 */

/** Which segment holds `slot`. */
export function segmentOf(slot: number, firstBits: number): number {
  return 32 - Math.clz32(slot >>> firstBits);
}

/** How many slots a segment holds. */
export function segmentSlots(segment: number, firstBits: number): number {
  return segment === 0 ? 1 << firstBits : 1 << (firstBits + segment - 1);
}
