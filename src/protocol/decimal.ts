import { MANTISSA_MAX } from "../limits.ts";

/**
 * Prices and quantities as text. A mantissa is a safe integer; its value is `mantissa × 10^-scale`.
 */

const ZEROS = "000000000000000";
const POINT = 0x2e;
const MINUS = 0x2d;
const DIGIT_0 = 0x30;

/**
 * The canonical text: `scale` digits after the point, always; no point where `scale` is 0; no leading
 * zeros but the one before the point.
 *
 * @param mantissa a safe integer
 * @param scale 0 to 15
 */
export function formatDecimal(mantissa: number, scale: number): string {
  if (scale === 0) return String(mantissa === 0 ? 0 : mantissa);
  const sign = mantissa < 0 ? "-" : "";
  let digits = String(mantissa < 0 ? -mantissa : mantissa);
  if (digits.length <= scale) digits = ZEROS.slice(0, scale + 1 - digits.length) + digits;
  const point = digits.length - scale;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/**
 * The mantissa of a decimal text, or undefined where the text is not a plain decimal number
 * (`-?digits[.digits]`) or its value is no mantissa of this scale. `decimalFault` says why. Fewer digits
 * after the point than `scale` are fine, and more where they are zeros.
 *
 * @param scale 0 to 15
 */
export function parseDecimal(text: string, scale: number): number | undefined {
  const { length } = text;
  const negative = length > 0 && text.charCodeAt(0) === MINUS;
  let at = negative ? 1 : 0;
  let magnitude = 0;

  const wholeStart = at;
  for (; at < length; at += 1) {
    const digit = text.charCodeAt(at) - DIGIT_0;
    if (digit < 0 || digit > 9) break;
    magnitude = magnitude * 10 + digit;
    if (magnitude > MANTISSA_MAX) return undefined;
  }
  if (at === wholeStart) return undefined;

  let fractionDigits = 0;
  if (at < length) {
    if (text.charCodeAt(at) !== POINT) return undefined;
    at += 1;
    if (at === length) return undefined;
    for (; at < length; at += 1) {
      const digit = text.charCodeAt(at) - DIGIT_0;
      if (digit < 0 || digit > 9) return undefined;
      if (fractionDigits === scale) {
        if (digit !== 0) return undefined;
        continue;
      }
      magnitude = magnitude * 10 + digit;
      fractionDigits += 1;
      if (magnitude > MANTISSA_MAX) return undefined;
    }
  }
  for (; fractionDigits < scale; fractionDigits += 1) {
    magnitude *= 10;
    if (magnitude > MANTISSA_MAX) return undefined;
  }
  return negative && magnitude !== 0 ? -magnitude : magnitude;
}

/** Why `parseDecimal` gave undefined, in words for people. */
export function decimalFault(text: string, scale: number): string {
  const parts = /^-?([0-9]+)(?:\.([0-9]+))?$/.exec(text);
  if (parts === null) return "is not a decimal number";
  const fraction = (parts[2] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) {
    const digits = fraction.length === 1 ? "1 digit" : `${fraction.length} digits`;
    return `has ${digits} after the point, and the scale is ${scale}`;
  }
  return `is outside ±(2^53 - 1) at scale ${scale}`;
}
