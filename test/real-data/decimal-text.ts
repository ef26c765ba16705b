/** Decimal numbers as the exchanges write them, to mantissas and back; shares nothing with src/. */

const decimal = /^(\d+)(?:\.(\d+))?$/;

/** How many digits stand after the point. */
export function writtenDecimalsOf(text: string): number {
  return partsOf(text).fraction.length;
}

/** How many digits after the point say something: 2 for "0.0700". */
export function decimalsOf(text: string): number {
  return partsOf(text).fraction.replace(/0+$/, "").length;
}

/** @throws Error where the scale is too small for the number, so that nothing is ever rounded. */
export function mantissaOf(text: string, scale: number): bigint {
  const { whole, fraction: written } = partsOf(text);
  const fraction = written.replace(/0+$/, "");
  if (fraction.length > scale) throw new Error(`${text} has more than ${scale} decimals`);
  return BigInt(whole + fraction.padEnd(scale, "0"));
}

/** With all decimals of the scale: 7 at scale 2 is "0.07". */
export function fixedText(mantissa: number, scale: number): string {
  const digits = String(mantissa).padStart(scale + 1, "0");
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Without the zeros at the end that say nothing: 70 at scale 2 is "0.7". */
export function shortestText(mantissa: number, scale: number): string {
  const text = fixedText(mantissa, scale);
  return scale === 0 ? text : text.replace(/\.?0+$/, "");
}

function partsOf(text: string): { readonly whole: string; readonly fraction: string } {
  const match = decimal.exec(text);
  if (match === null) throw new Error(`not a decimal number: ${text}`);
  return { whole: match[1] as string, fraction: match[2] ?? "" };
}
