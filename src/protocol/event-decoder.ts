import { isUtf8 } from "node:buffer";
import { EventFlag, type OrderEventColumns } from "../book/order-events.ts";
import { MANTISSA_MAX, ORDER_KEY_BYTES_MAX } from "../limits.ts";
import { MalformedWireError, type WireReader, WireType } from "./wire-reader.ts";

/** Tags of OrderEvent: field number << 3 | wire type. */
export const EventTag = {
  action: (1 << 3) | WireType.varint,
  orderId: (2 << 3) | WireType.fixed64,
  orderKey: (3 << 3) | WireType.lengthDelimited,
  side: (4 << 3) | WireType.varint,
  price: (5 << 3) | WireType.varint,
  quantity: (6 << 3) | WireType.varint,
} as const;

/** What an enum's column holds for a number that does not fit it: known to nobody. */
const UNKNOWN_ENUM = 255;
const TWO_TO_32 = 2 ** 32;

/**
 * Decodes one event, whatever it looks like; the reader stands behind its tag. The offset of its key is that
 * in the reader's bytes.
 *
 * @throws MalformedWireError
 */
export function decodeAnyEvent(reader: WireReader, columns: OrderEventColumns, index: number): void {
  clearEvent(columns, index);
  const messageEnd = reader.end;
  reader.end = reader.lengthDelimitedEnd();
  let flags = 0;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case EventTag.action:
        columns.action[index] = enumValue(reader.varint32());
        break;
      case EventTag.orderId:
        reader.fixed64();
        columns.orderIdLow[index] = reader.low;
        columns.orderIdHigh[index] = reader.high;
        break;
      case EventTag.orderKey: {
        const keyEnd = reader.lengthDelimitedEnd();
        const keyLength = keyEnd - reader.position;
        checkUtf8(reader.bytes, reader.position, keyEnd);
        const tooLong = keyLength > ORDER_KEY_BYTES_MAX;
        flags = tooLong ? flags | EventFlag.keyTooLong : flags & ~EventFlag.keyTooLong;
        columns.keyOffset[index] = reader.position;
        columns.keyLength[index] = tooLong ? 0 : keyLength;
        reader.position = keyEnd;
        break;
      }
      case EventTag.side:
        columns.side[index] = enumValue(reader.varint32());
        break;
      case EventTag.price: {
        reader.varint();
        const price = zigZag(reader.low, reader.high);
        const inRange = Number.isSafeInteger(price);
        flags |= EventFlag.hasPrice;
        flags = inRange ? flags & ~EventFlag.priceOutOfRange : flags | EventFlag.priceOutOfRange;
        columns.price[index] = inRange ? price : 0;
        break;
      }
      case EventTag.quantity: {
        reader.varint();
        const quantity = unsigned(reader.low, reader.high);
        const inRange = quantity <= MANTISSA_MAX;
        flags |= EventFlag.hasQuantity;
        flags = inRange ? flags & ~EventFlag.quantityOutOfRange : flags | EventFlag.quantityOutOfRange;
        columns.quantity[index] = inRange ? quantity : 0;
        break;
      }
      default:
        reader.skip(tag);
    }
  }
  columns.flags[index] = flags;
  reader.end = messageEnd;
}

function clearEvent(columns: OrderEventColumns, index: number): void {
  columns.action[index] = 0;
  columns.side[index] = 0;
  columns.orderIdLow[index] = 0;
  columns.orderIdHigh[index] = 0;
  columns.price[index] = 0;
  columns.quantity[index] = 0;
  columns.keyLength[index] = 0;
  columns.keyOffset[index] = 0;
}

/** @throws MalformedWireError where these bytes of a text are not UTF-8. */
export function checkUtf8(bytes: Uint8Array, start: number, end: number): void {
  if (!isUtf8(bytes.subarray(start, end))) throw new MalformedWireError("a text is not UTF-8");
}

/** A uint64; over 2^53 − 1 it is not exact, but over 2^53 − 1. */
export function unsigned(low: number, high: number): number {
  return (high >>> 0) * TWO_TO_32 + (low >>> 0);
}

/** A sint64; outside ±(2^53 − 1) it is not exact, but no safe integer. */
function zigZag(low: number, high: number): number {
  const magnitude = (high >>> 1) * TWO_TO_32 + (((low >>> 1) | (high << 31)) >>> 0);
  return (low & 1) === 0 ? magnitude : -magnitude - 1;
}

/** An open enum's number, as the int32 that it is on the wire, fit for a column of bytes. */
function enumValue(low: number): number {
  return low < UNKNOWN_ENUM ? low : UNKNOWN_ENUM;
}
