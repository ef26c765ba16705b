import type { Side } from "./order-events.ts";

/**
 * The checksum of a view (PROTOCOL section 4, item 6): the sum modulo 2^32, over its levels, of the
 * CRC-32 (IEEE, as in zlib) of 17 bytes: side, price and quantity as int64, little-endian. A sum, not a
 * chain, so that it follows single levels as they change.
 */

const POLYNOMIAL = 0xedb88320;
const MESSAGE_BYTES = 17;
const TWO_TO_32 = 0x1_0000_0000;

/**
 * CRC-32 is affine over messages of one length: the CRC of 17 bytes is the CRC of 17 zero bytes, XORed with
 * what each byte adds at its place. So every byte has a table of its own and no lookup waits for another.
 * Sixteen tables of 256 words; table n is for the byte with n bytes behind it. The side byte has two values only
 * and is folded into a constant.
 */
const TABLES = createTables();
const PART_OF_SIDE = Int32Array.from([0, sidePart(1), sidePart(2)]);

/**
 * What one level adds to the checksum of its view, a uint32.
 *
 * @param price mantissa within ±(2^53 − 1)
 * @param quantity mantissa from 0 to 2^53 − 1
 */
export function levelChecksum(side: Side, price: number, quantity: number): number {
  // ToInt32 takes an integer modulo 2^32, the two's complement low word of a negative one included.
  const priceLow = price | 0;
  const priceHigh = Math.floor(price / TWO_TO_32) | 0;
  const quantityLow = quantity | 0;
  const quantityHigh = (quantity / TWO_TO_32) | 0;
  return (
    (PART_OF_SIDE[side]! ^
      wordPart(priceLow, 12) ^
      wordPart(priceHigh, 8) ^
      wordPart(quantityLow, 4) ^
      wordPart(quantityHigh, 0)) >>>
    0
  );
}

/** `sum` with a level's part added, a uint32. */
export function addChecksum(sum: number, part: number): number {
  return (sum + part) >>> 0;
}

/** `sum` with a level's part taken off, a uint32. */
export function subtractChecksum(sum: number, part: number): number {
  return (sum - part) >>> 0;
}

/** What a little-endian word adds that has `bytesBehind` bytes behind it. */
function wordPart(word: number, bytesBehind: number): number {
  const base = bytesBehind << 8;
  return (
    TABLES[base + 768 + (word & 0xff)]! ^
    TABLES[base + 512 + ((word >>> 8) & 0xff)]! ^
    TABLES[base + 256 + ((word >>> 16) & 0xff)]! ^
    TABLES[base + (word >>> 24)]!
  );
}

function createTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bytesBehind = 0; bytesBehind < 16; bytesBehind += 1) {
      crc = shiftByte(crc);
      tables[(bytesBehind << 8) + byte] = crc;
    }
  }
  return tables;
}

/** The CRC of the side byte and 16 zero bytes, with the usual inversion before and after. */
function sidePart(side: number): number {
  let crc = shiftByte(-1 ^ side);
  for (let n = 1; n < MESSAGE_BYTES; n += 1) crc = shiftByte(crc);
  return ~crc;
}

function shiftByte(register: number): number {
  let crc = register;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (POLYNOMIAL & -(crc & 1));
  return crc | 0;
}
