import { EventFlag, type OrderEventColumns } from "../../src/book/order-events.ts";
import type { TestOrderEvent } from "./naive-book.ts";

/** Events of tests as the columns that a decoder would make of them. */
export function eventColumns(events: readonly TestOrderEvent[]): OrderEventColumns {
  const length = events.length;
  const keys = events.map((event) => Buffer.from(event.key ?? ""));
  const columns = {
    length,
    action: new Uint8Array(length),
    side: new Uint8Array(length),
    flags: new Uint8Array(length),
    orderIdLow: new Int32Array(length),
    orderIdHigh: new Int32Array(length),
    price: new Float64Array(length),
    quantity: new Float64Array(length),
    keyLength: new Uint8Array(length),
    keyOffset: new Uint32Array(length),
    keyBytes: Uint8Array.from(Buffer.concat(keys.filter((key) => key.length <= 64))),
  };
  let keyEnd = 0;
  for (const [index, event] of events.entries()) {
    const key = keys[index]!;
    let flags = 0;
    columns.action[index] = event.action;
    columns.side[index] = event.side ?? 0;
    columns.orderIdLow[index] = Number(BigInt.asIntN(32, event.id ?? 0n));
    columns.orderIdHigh[index] = Number(BigInt.asIntN(32, (event.id ?? 0n) >> 32n));
    if (event.price !== undefined) {
      flags |= EventFlag.hasPrice;
      if (Number.isSafeInteger(event.price)) columns.price[index] = event.price;
      else flags |= EventFlag.priceOutOfRange;
    }
    if (event.quantity !== undefined) {
      flags |= EventFlag.hasQuantity;
      if (Number.isSafeInteger(event.quantity)) columns.quantity[index] = event.quantity;
      else flags |= EventFlag.quantityOutOfRange;
    }
    if (key.length > 64) {
      flags |= EventFlag.keyTooLong;
    } else {
      columns.keyLength[index] = key.length;
      columns.keyOffset[index] = keyEnd;
      keyEnd += key.length;
    }
    columns.flags[index] = flags;
  }
  return columns;
}
