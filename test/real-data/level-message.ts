import { decimalsOf } from "./decimal-text.ts";
import type { Scales } from "./held-top.ts";

/** One price level of an exchange's message, in the exchange's text. A quantity of 0 removes it. */
export interface LevelEntry {
  readonly side: "bid" | "ask";
  readonly price: string;
  readonly quantity: string;
}

/** One message of an exchange that gives price levels. */
export interface LevelMessage {
  /** Of the capture. */
  readonly line: number;
  readonly symbol: string;
  /** The whole book, in place of what was there. */
  readonly isSnapshot: boolean;
  readonly entries: readonly LevelEntry[];
}

/**
 * For each symbol the most decimals that its prices and quantities need anywhere. Those that are written may
 * be more: XMR/USD at 99999997.00000000 is no safe integer at 8 decimals, of which 2 are used.
 *
 * @param countDecimals How the decimals of one number are counted.
 */
export function scalesBySymbol(
  messages: readonly LevelMessage[],
  countDecimals: (text: string) => number = decimalsOf,
): Map<string, Scales> {
  const scales = new Map<string, Scales>();
  for (const { symbol, entries } of messages) {
    let { priceScale, quantityScale } = scales.get(symbol) ?? { priceScale: 0, quantityScale: 0 };
    for (const { price, quantity } of entries) {
      priceScale = Math.max(priceScale, countDecimals(price));
      quantityScale = Math.max(quantityScale, countDecimals(quantity));
    }
    scales.set(symbol, { priceScale, quantityScale });
  }
  return scales;
}

/** Levels as exchanges list them, `[price, quantity, …]`, as entries of one side. */
export function entriesOf(
  side: "bid" | "ask",
  levels: readonly (readonly string[])[] | undefined,
): LevelEntry[] {
  return (levels ?? []).map(([price, quantity]) => ({
    side,
    price: price as string,
    quantity: quantity as string,
  }));
}
