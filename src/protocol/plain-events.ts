import { EventFlag, type OrderEventColumns } from "../book/order-events.ts";
import { ORDER_KEY_BYTES_MAX } from "../limits.ts";
import { EventTag } from "./event-decoder.ts";
import type { WireReader } from "./wire-reader.ts";

/**
 * The most that `decodePlainEvents` reads of an event: header 2, action 2, key 2 + 64, side 2, price and
 * quantity 1 + 8 each.
 */
export const PLAIN_EVENT_BYTES_MAX = 90;

const TWO_TO_28 = 2 ** 28;
const TWO_TO_27 = 2 ** 27;
const TWO_TO_25 = 2 ** 25;
/** The highest bits of four bytes: that a varint goes on, that a text is not ASCII. */
const CONTINUED = 0x80_80_80_80 | 0;

/**
 * Decodes events as long as they look as nearly all do: one behind the other under `eventTag`, the fields in
 * ascending order and each at most once, an id or a key, enums below 128, numbers of at most 53 bits, keys of
 * ASCII. Stops in front of any other, or where fewer than PLAIN_EVENT_BYTES_MAX bytes are left in `view`.
 * Returns the index behind the last event decoded; the reader stands behind it.
 *
 * One flat loop: it reads ahead without asking for the event's end, and believes what it has read only if it
 * came out exactly there.
 *
 * @param view of `reader.bytes`, which may go on behind `reader.end`
 */
export function decodePlainEvents(
  reader: WireReader,
  view: DataView,
  eventTag: number,
  columns: OrderEventColumns,
  firstIndex: number,
): number {
  const { bytes, end } = reader;
  const { action, side, flags, orderIdLow, orderIdHigh, price, quantity, keyLength, keyOffset } = columns;
  const lastStart = Math.min(end - 2, bytes.length - PLAIN_EVENT_BYTES_MAX);
  let start = reader.position;
  let index = firstIndex;
  while (start <= lastStart && bytes[start] === eventTag) {
    const byteLength = bytes[start + 1] as number;
    const eventEnd = start + 2 + byteLength;
    if (byteLength > 0x7f || eventEnd > end) break;
    let at = start + 2;
    let enums = 0;
    let actionNow = 0;
    let sideNow = 0;
    let idLow = 0;
    let idHigh = 0;
    let keyAt = 0;
    let keyBytes = 0;
    let flagsNow = 0;
    let priceNow = 0;
    let quantityNow = 0;
    if (bytes[at] === EventTag.action) {
      actionNow = bytes[at + 1] as number;
      enums = actionNow;
      at += 2;
    }
    if (bytes[at] === EventTag.orderId) {
      idLow = view.getInt32(at + 1, true);
      idHigh = view.getInt32(at + 5, true);
      at += 9;
    } else if (bytes[at] === EventTag.orderKey) {
      keyBytes = bytes[at + 1] as number;
      keyAt = at + 2;
      if (keyBytes > ORDER_KEY_BYTES_MAX) break;
      at = keyAt + keyBytes;
      let bits = 0;
      let of = keyAt;
      for (; of + 4 <= at; of += 4) bits |= view.getInt32(of, true);
      for (; of < at; of++) bits |= bytes[of] as number;
      if ((bits & CONTINUED) !== 0) break;
    }
    if (bytes[at] === EventTag.side) {
      sideNow = bytes[at + 1] as number;
      enums |= sideNow;
      at += 2;
    }
    if (bytes[at] === EventTag.price) {
      flagsNow = EventFlag.hasPrice;
      const word = view.getInt32(at + 1, true);
      const stop = ~word & CONTINUED;
      if (stop !== 0) {
        const zigZagged = varintBits(word, stop);
        priceNow = (zigZagged >>> 1) ^ -(zigZagged & 1);
        at += 1 + varintBytes(stop);
      } else {
        const upperWord = view.getInt32(at + 5, true);
        const upperStop = ~upperWord & CONTINUED;
        const upper = varintBits(upperWord, upperStop);
        if (upperStop === 0 || upper >= TWO_TO_25) break;
        const lower = varintBits(word, 0);
        const half = upper * TWO_TO_27 + (lower >>> 1);
        priceNow = (lower & 1) === 0 ? half : -1 - half;
        at += 5 + varintBytes(upperStop);
      }
    }
    if (bytes[at] === EventTag.quantity) {
      flagsNow |= EventFlag.hasQuantity;
      const word = view.getInt32(at + 1, true);
      const stop = ~word & CONTINUED;
      if (stop !== 0) {
        quantityNow = varintBits(word, stop);
        at += 1 + varintBytes(stop);
      } else {
        const upperWord = view.getInt32(at + 5, true);
        const upperStop = ~upperWord & CONTINUED;
        const upper = varintBits(upperWord, upperStop);
        if (upperStop === 0 || upper >= TWO_TO_25) break;
        quantityNow = upper * TWO_TO_28 + varintBits(word, 0);
        at += 5 + varintBytes(upperStop);
      }
    }
    if (at !== eventEnd || enums > 0x7f) break;
    action[index] = actionNow;
    side[index] = sideNow;
    flags[index] = flagsNow;
    orderIdLow[index] = idLow;
    orderIdHigh[index] = idHigh;
    price[index] = priceNow;
    quantity[index] = quantityNow;
    keyLength[index] = keyBytes;
    keyOffset[index] = keyAt;
    index++;
    start = eventEnd;
  }
  reader.position = start;
  return index;
}

/**
 * The number in the low bytes of a word, up to the byte that ends it: the lowest bit of `stop`. With `stop`
 * 0 all four count.
 */
function varintBits(word: number, stop: number): number {
  const used = word & ((stop & -stop) - 1);
  return (used & 0x7f) | ((used >>> 1) & 0x3f80) | ((used >>> 2) & 0x1f_c000) | ((used >>> 3) & 0xfe0_0000);
}

/** How many bytes that number has. */
function varintBytes(stop: number): number {
  return (32 - Math.clz32(stop & -stop)) >>> 3;
}
