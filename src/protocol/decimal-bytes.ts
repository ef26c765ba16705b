/**
 * Writes numbers as decimal text in ASCII. Each function writes at `at` and returns where it ended; room is
 * the caller's care.
 */

/** The most bytes of `putDecimal`: a sign, 16 digits and a point. */
export const DECIMAL_BYTES_MAX = 18;

const POINT = 0x2e;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;
const BILLION = 1_000_000_000;
const TWO_TO_16 = 2 ** 16;
const TWO_TO_32 = 2 ** 32;
const POWERS_OF_TEN = Float64Array.from({ length: 16 }, (_, exponent) => 10 ** exponent);
/** "00", "01", … "99": two digits cost one division. */
const DIGIT_PAIRS = Uint8Array.from(
  { length: 200 },
  (_, at) => DIGIT_0 + (at % 2 === 0 ? Math.floor(at / 20) : (at >> 1) % 10),
);

/**
 * What `formatDecimal` gives.
 *
 * @param mantissa a safe integer
 * @param scale 0 to 15
 */
export function putDecimal(bytes: Uint8Array, at: number, mantissa: number, scale: number): number {
  let magnitude = mantissa;
  if (mantissa < 0) {
    bytes[at++] = MINUS;
    magnitude = -mantissa;
  }
  if (scale === 0) return putUnsigned(bytes, at, magnitude);
  if (magnitude < BILLION) return putShortDecimal(bytes, at, magnitude | 0, scale);
  const power = POWERS_OF_TEN[scale] as number;
  // The quotient of a safe integer and a power of ten is never rounded up to a whole number.
  const whole = Math.floor(magnitude / power);
  at = putUnsigned(bytes, at, whole);
  bytes[at] = POINT;
  return putDigits(bytes, at + 1, magnitude - whole * power, scale);
}

/** `putDecimal` for less than 10^9: from the end, with divisions of integers by constants alone. */
function putShortDecimal(bytes: Uint8Array, at: number, magnitude: number, scale: number): number {
  const digits = digitCount(magnitude);
  const end = at + 1 + (digits > scale ? digits : scale + 1);
  const point = end - scale - 1;
  let rest = magnitude;
  let to = end;
  for (; to > point + 2; to -= 2) {
    const quotient = (rest / 100) | 0;
    const pair = (rest - quotient * 100) << 1;
    bytes[to - 2] = DIGIT_PAIRS[pair] as number;
    bytes[to - 1] = DIGIT_PAIRS[pair + 1] as number;
    rest = quotient;
  }
  if (to > point + 1) {
    const quotient = (rest / 10) | 0;
    bytes[to - 1] = DIGIT_0 + rest - quotient * 10;
    rest = quotient;
  }
  bytes[point] = POINT;
  for (to = point; to > at + 1; to -= 2) {
    const quotient = (rest / 100) | 0;
    const pair = (rest - quotient * 100) << 1;
    bytes[to - 2] = DIGIT_PAIRS[pair] as number;
    bytes[to - 1] = DIGIT_PAIRS[pair + 1] as number;
    rest = quotient;
  }
  if (to > at) bytes[at] = DIGIT_0 + rest;
  return end;
}

/** A safe integer, not negative. */
export function putUnsigned(bytes: Uint8Array, at: number, value: number): number {
  if (value < 10) {
    bytes[at] = DIGIT_0 + value;
    return at + 1;
  }
  if (value < BILLION) return putShortDigits(bytes, at, value | 0, digitCount(value | 0));
  const upper = Math.floor(value / BILLION);
  at = putShortDigits(bytes, at, upper, digitCount(upper));
  return putShortDigits(bytes, at, (value - upper * BILLION) | 0, 9);
}

/** An int64 in two words. */
export function putInt64(bytes: Uint8Array, at: number, low: number, high: number): number {
  if (high >= 0) return putUint64(bytes, at, low, high);
  bytes[at] = MINUS;
  return putUint64(bytes, at + 1, -low, low === 0 ? -high : ~high);
}

/** A uint64 in two words. */
export function putUint64(bytes: Uint8Array, at: number, low: number, high: number): number {
  if (high === 0) return putUnsigned(bytes, at, low >>> 0);
  // Long division by 10^9, sixteen bits at a time, so that every step is exact in a double.
  const upper = Math.floor((high >>> 0) / BILLION);
  let rest = ((high >>> 0) - upper * BILLION) * TWO_TO_16 + (low >>> 16);
  const middle = Math.floor(rest / BILLION);
  rest = (rest - middle * BILLION) * TWO_TO_16 + (low & 0xffff);
  const lower = Math.floor(rest / BILLION);
  const quotient = upper * TWO_TO_32 + middle * TWO_TO_16 + lower;
  if (quotient === 0) return putUnsigned(bytes, at, rest);
  return putShortDigits(bytes, putUnsigned(bytes, at, quotient), (rest - lower * BILLION) | 0, 9);
}

/** A safe integer with leading zeros to `count` digits, at most 15. */
function putDigits(bytes: Uint8Array, at: number, value: number, count: number): number {
  if (count <= 9) return putShortDigits(bytes, at, value | 0, count);
  const upper = Math.floor(value / BILLION);
  at = putShortDigits(bytes, at, upper | 0, count - 9);
  return putShortDigits(bytes, at, (value - upper * BILLION) | 0, 9);
}

/** An integer below 10^`count` with leading zeros to `count` digits, at most 9, from its end. */
function putShortDigits(bytes: Uint8Array, at: number, value: number, count: number): number {
  const end = at + count;
  let rest = value;
  let to = end - 2;
  for (; to >= at; to -= 2) {
    const quotient = (rest / 100) | 0;
    const pair = (rest - quotient * 100) << 1;
    bytes[to] = DIGIT_PAIRS[pair] as number;
    bytes[to + 1] = DIGIT_PAIRS[pair + 1] as number;
    rest = quotient;
  }
  if (to === at - 1) bytes[at] = DIGIT_0 + rest;
  return end;
}

function digitCount(value: number): number {
  if (value < 10_000) {
    if (value < 100) return value < 10 ? 1 : 2;
    return value < 1000 ? 3 : 4;
  }
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return 9;
}
