import { MANTISSA_MAX, ORDER_KEY_BYTES_MAX } from "../limits.ts";
import { EventFlag, type OrderEventColumns, Side } from "./order-events.ts";
import { RejectRule } from "./rejection.ts";

/**
 * The rules that a single field of an event may break, book or not. Each function returns the rule that is
 * broken, or 0. Values are judged again here although decoders have, so that a damaged record or a careless
 * caller cannot bring a NaN or a fraction into a book.
 */
export type Verdict = RejectRule | 0;

/** The first field rule that an ADD breaks. */
export function addFault(
  events: OrderEventColumns,
  index: number,
  tickSize: number,
  lotSize: number,
): Verdict {
  const fault =
    nameFault(events, index) ||
    sideFault(events, index) ||
    priceFault(events, index, tickSize) ||
    quantityFault(events, index, lotSize);
  if (fault !== 0) return fault;
  return events.quantity[index] === 0 ? RejectRule.quantityZero : 0;
}

/** The first field rule that an UPDATE breaks. With a quantity of 0 it deletes, and the price is ignored. */
export function updateFault(
  events: OrderEventColumns,
  index: number,
  tickSize: number,
  lotSize: number,
): Verdict {
  const named = nameFault(events, index);
  if (named !== 0) return named;
  const flags = events.flags[index]!;
  const setsPrice = (flags & (EventFlag.hasPrice | EventFlag.priceOutOfRange)) !== 0;
  const setsQuantity = (flags & (EventFlag.hasQuantity | EventFlag.quantityOutOfRange)) !== 0;
  if (setsQuantity) {
    const fault = quantityFault(events, index, lotSize);
    if (fault !== 0 || events.quantity[index] === 0) return fault;
  } else if (!setsPrice) {
    return RejectRule.nothingToUpdate;
  }
  return setsPrice ? priceFault(events, index, tickSize) : 0;
}

/** A side is one of the two. */
export function sideFault(events: OrderEventColumns, index: number): Verdict {
  const side = events.side[index];
  return side === Side.bid || side === Side.ask ? 0 : RejectRule.sideMissing;
}

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
