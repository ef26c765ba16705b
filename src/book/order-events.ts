/**
 * Order events as columns: the one form in which events exist between the decoder at the edge and the
 * book. The columns of a decoded message, of a log record and of a replayed snapshot all have this shape.
 */

/** What an event does; the values are those of the wire (`depthcast.v1.OrderAction`). */
export const OrderAction = {
  add: 1,
  update: 2,
  delete: 3,
  reduce: 4,
  setLevel: 5,
  clear: 6,
} as const;
export type OrderAction = (typeof OrderAction)[keyof typeof OrderAction];

/** The side of the book; the values are those of the wire and of the checksum. */
export const Side = { bid: 1, ask: 2 } as const;
export type Side = (typeof Side)[keyof typeof Side];

/** Bits of the `flags` column. The last three say what a column cannot express; the book judges them. */
export const EventFlag = {
  hasPrice: 1,
  hasQuantity: 2,
  /** The price on the wire was outside ±(2^53 − 1); the price column holds 0. */
  priceOutOfRange: 4,
  /** The quantity on the wire was over 2^53 − 1; the quantity column holds 0. */
  quantityOutOfRange: 8,
  /** The key on the wire was over 64 bytes; the key is not kept. */
  keyTooLong: 16,
} as const;

/**
 * Events of one batch, column by column. Columns may be longer than `length`. Whoever holds the columns
 * may read them; only their maker writes.
 */
export interface OrderEventColumns {
  /** How many events. */
  readonly length: number;
  /** OrderAction; any other value is an unknown action, for the book to refuse. */
  readonly action: Uint8Array;
  /** Side; 0 or another value where the wire had none or an unknown one. */
  readonly side: Uint8Array;
  /** EventFlag bits. */
  readonly flags: Uint8Array;
  /** Low and high word of the 64-bit order id; both 0 = not named by number. */
  readonly orderIdLow: Int32Array;
  readonly orderIdHigh: Int32Array;
  /** Price mantissa, a safe integer. */
  readonly price: Float64Array;
  /** Quantity mantissa, a safe integer, not negative. */
  readonly quantity: Float64Array;
  /** Bytes of the order key; 0 = not named by key. */
  readonly keyLength: Uint8Array;
  /** Where the key starts in `keyBytes`. */
  readonly keyOffset: Uint32Array;
  /** UTF-8 bytes of all keys. */
  readonly keyBytes: Uint8Array;
}
