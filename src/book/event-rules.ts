import { MANTISSA_MAX, ORDER_KEY_BYTES_MAX } from "../limits.ts";
import { EventFlag, type OrderEventColumns } from "./order-events.ts";
import { RejectRule } from "./rejection.ts";

/**
 * The rules that a single field of an event may break, book or not. Each function returns the rule that is
 * broken, or 0. Values are judged again here although decoders have, so that a damaged record or a careless
 * caller cannot bring a NaN or a fraction into a book.
 */
export type Verdict = RejectRule | 0;

/** An order has exactly one name: an id that is not 0, or a key of 1 to 64 bytes. */
export function nameFault(events: OrderEventColumns, index: number): Verdict {
  const hasId = (events.orderIdLow[index]! | events.orderIdHigh[index]!) !== 0;
  const keyLength = events.keyLength[index]!;
  const keyTooLong = keyLength > ORDER_KEY_BYTES_MAX || (events.flags[index]! & EventFlag.keyTooLong) !== 0;
  if (hasId) return keyLength > 0 || keyTooLong ? RejectRule.nameTwice : 0;
  if (keyTooLong) return RejectRule.keyTooLong;
  return keyLength === 0 ? RejectRule.nameMissing : 0;
}

/** A price is set, within ±(2^53 - 1) and a multiple of the tick size. */
export function priceFault(events: OrderEventColumns, index: number, tickSize: number): Verdict {
  const flags = events.flags[index]!;
  if ((flags & (EventFlag.hasPrice | EventFlag.priceOutOfRange)) !== EventFlag.hasPrice) {
    return (flags & EventFlag.priceOutOfRange) !== 0 ? RejectRule.priceOutOfRange : RejectRule.priceMissing;
  }
  const price = events.price[index]!;
  if (!(price >= -MANTISSA_MAX && price <= MANTISSA_MAX)) return RejectRule.priceOutOfRange;
  return isMultiple(price, tickSize) ? 0 : RejectRule.priceOffTick;
}

/** A quantity is set, at most 2^53 - 1 and a multiple of the lot size. It may be 0. */
export function quantityFault(events: OrderEventColumns, index: number, lotSize: number): Verdict {
  const flags = events.flags[index]!;
  if ((flags & (EventFlag.hasQuantity | EventFlag.quantityOutOfRange)) !== EventFlag.hasQuantity) {
    return (flags & EventFlag.quantityOutOfRange) !== 0
      ? RejectRule.quantityOutOfRange
      : RejectRule.quantityMissing;
  }
  const quantity = events.quantity[index]!;
  if (!(quantity >= 0 && quantity <= MANTISSA_MAX)) return RejectRule.quantityOutOfRange;
  return isMultiple(quantity, lotSize) ? 0 : RejectRule.quantityOffLot;
}

/**
 * Whether a safe integer is a multiple of `unit`, a safe integer above 0. Faster than `%` and as exact: a
 * quotient below 2^53 / unit is rounded by less than 1 / unit, the least distance to a whole number that the
 * quotient of another number has.
 */
export function isMultiple(value: number, unit: number): boolean {
  const quotient = unit === 1 ? value : value / unit;
  return Math.floor(quotient) === quotient;
}
