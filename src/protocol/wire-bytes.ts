/**
 * Writes numbers in the protobuf wire format. Each function writes at `at` and returns where it ended; room
 * is the caller's care. No bigint and no object is made: 64-bit numbers come as doubles that are safe
 * integers, or as two words.
 */

const TWO_TO_27 = 2 ** 27;
const TWO_TO_28 = 2 ** 28;
const TWO_TO_30 = 2 ** 30;

/** A uint32. */
export function putVarint32(bytes: Uint8Array, at: number, value: number): number {
  let rest = value >>> 0;
  while (rest > 0x7f) {
    bytes[at++] = rest | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** A uint64 that is a safe integer. */
export function putVarint53(bytes: Uint8Array, at: number, value: number): number {
  if (value < TWO_TO_30) return putVarint32(bytes, at, value);
  const upper = Math.floor(value / TWO_TO_28);
  return putVarint32(bytes, putLow28(bytes, at, value - upper * TWO_TO_28), upper);
}

/** A sint64 that is a safe integer. */
export function putZigZag53(bytes: Uint8Array, at: number, value: number): number {
  const sign = value < 0 ? 1 : 0;
  const half = value < 0 ? -1 - value : value;
  if (half < TWO_TO_30) return putVarint32(bytes, at, ((half | 0) << 1) | sign);
  // Doubled it might not be exact any more: its low 28 bits are taken before that.
  const upper = Math.floor(half / TWO_TO_27);
  return putVarint32(bytes, putLow28(bytes, at, ((half - upper * TWO_TO_27) << 1) | sign), upper);
}

/** An int64 or uint64 in two words. */
export function putVarint64(bytes: Uint8Array, at: number, low: number, high: number): number {
  if (high === 0) return putVarint32(bytes, at, low >>> 0);
  // Bits 28 to 59, and the four above.
  const middle = ((high << 4) | (low >>> 28)) >>> 0;
  const top = high >>> 28;
  at = putLow28(bytes, at, low);
  if (top === 0) return putVarint32(bytes, at, middle);
  at = putLow28(bytes, at, middle);
  return putVarint32(bytes, at, (top << 4) | (middle >>> 28));
}

/** A fixed32. */
export function putFixed32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
  return at + 4;
}

/** How many bytes `putVarint32` writes. */
export function varint32ByteLength(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** The low 28 bits in four bytes that say that more follow. */
function putLow28(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value | 0x80;
  bytes[at + 1] = (value >>> 7) | 0x80;
  bytes[at + 2] = (value >>> 14) | 0x80;
  bytes[at + 3] = (value >>> 21) | 0x80;
  return at + 4;
}
