/** What to do with an event that would lock or cross the book; the values are those of the wire. */
export const CrossPolicy = { reject: 1, flag: 2 } as const;
export type CrossPolicy = (typeof CrossPolicy)[keyof typeof CrossPolicy];

/** An instrument definition in force: every field has its value. */
export interface Instrument {
  readonly symbol: string;
  /** A price is `mantissa × 10^-priceScale`. */
  readonly priceScale: number;
  readonly quantityScale: number;
  readonly crossPolicy: CrossPolicy;
  /** Prices are multiples of this mantissa; 0 = any. */
  readonly tickSize: number;
  /** Quantities are multiples of this mantissa; 0 = any. */
  readonly lotSize: number;
  readonly description: string;
}

/** What decides which events a book refuses. Part of the order log, so that a replay decides the same. */
export interface BookRules {
  readonly crossPolicy: CrossPolicy;
  readonly tickSize: number;
  readonly lotSize: number;
  readonly liveOrdersMax: number;
  readonly levelsPerSideMax: number;
}

/** Whether two definitions are the same in every field. */
export function sameInstrument(a: Instrument, b: Instrument): boolean {
  return sameNumbers(a, b) && a.crossPolicy === b.crossPolicy && a.description === b.description;
}

/** Whether two definitions agree in what is fixed once an event was applied. */
export function sameNumbers(a: Instrument, b: Instrument): boolean {
  return (
    a.symbol === b.symbol &&
    a.priceScale === b.priceScale &&
    a.quantityScale === b.quantityScale &&
    a.tickSize === b.tickSize &&
    a.lotSize === b.lotSize
  );
}
