import type { OrderAction, Side } from "../book/order-events.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { MANTISSA_MAX, ORDER_KEY_BYTES_MAX } from "../limits.ts";

/** One order event as a producer gives it. Fields that the action does not use may be left out. */
export interface ProducerEvent {
  readonly action: OrderAction;
  /** The order's number, 1 to 2^64 − 1; or `orderKey`, never both. */
  readonly orderId?: bigint | undefined;
  /** The order's key, 1 to 64 bytes of UTF-8. */
  readonly orderKey?: string | undefined;
  readonly side?: Side | undefined;
  /** Price mantissa, a safe integer. */
  readonly price?: number | undefined;
  /** Quantity mantissa, a safe integer, not negative. */
  readonly quantity?: number | undefined;
}

/** The longest event: action, id, key, side, price and quantity with their tags, and its own header. */
const EVENT_BYTES_MAX = 2 + 2 + 9 + 2 + ORDER_KEY_BYTES_MAX + 2 + 11 + 11;
const INITIAL_BYTES = 16 * 1024;
const TWO_TO_32 = 0x1_0000_0000;

/**
 * Writes batches as `IngestAckedRequest` bytes, straight from the events: about 10 times as quick as through
 * message objects. An event is shorter than 128 bytes, so its length is one byte, filled in afterwards.
 */
export class IngestBatchWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  #eventCount = 0;

  get eventCount(): number {
    return this.#eventCount;
  }
  /** Of the batch under way. */
  get byteLength(): number {
    return this.#length;
  }

  /** Begins a batch; what was begun before and not taken is dropped. */
  begin(symbol: string, producerId: string, batchNumber: number): void {
    this.#length = 0;
    this.#eventCount = 0;
    this.#text(0x0a, symbol);
    if (producerId === "") return;
    this.#text(0x1a, producerId);
    this.#tagged(0x20, batchNumber);
  }

  /** @throws DepthcastError `invalid_argument` for what the wire cannot carry; nothing is written then. */
  add(event: ProducerEvent): void {
    checkEvent(event);
    this.#reserve(EVENT_BYTES_MAX);
    this.#bytes[this.#length] = 0x12;
    const start = this.#length + 2;
    this.#length = start;
    this.#tagged(0x08, event.action);
    if (event.orderId !== undefined) {
      this.#bytes[this.#length] = 0x11;
      this.#bytes.writeBigUInt64LE(event.orderId, this.#length + 1);
      this.#length += 9;
    }
    if (event.orderKey !== undefined) this.#text(0x1a, event.orderKey);
    if (event.side !== undefined) this.#tagged(0x20, event.side);
    if (event.price !== undefined) {
      this.#bytes[this.#length] = 0x28;
      this.#length += 1;
      this.#zigzag(event.price);
    }
    if (event.quantity !== undefined) this.#tagged(0x30, event.quantity);
    this.#bytes[start - 1] = this.#length - start;
    this.#eventCount += 1;
  }

  /** The batch, in a buffer of its own. @param sourceTimeUnixNanos 0 = unknown */
  take(sourceTimeUnixNanos: bigint): Buffer {
    if (sourceTimeUnixNanos > 0n) {
      this.#reserve(11);
      this.#bytes[this.#length] = 0x28;
      this.#length += 1;
      const time = BigInt.asUintN(63, sourceTimeUnixNanos);
      this.#varint(Number(time & 0xffff_ffffn), Number(time >> 32n));
    }
    const batch = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    this.#eventCount = 0;
    return batch;
  }

  #text(tag: number, text: string): void {
    const byteLength = Buffer.byteLength(text);
    this.#reserve(byteLength + 6);
    this.#bytes[this.#length] = tag;
    this.#length += 1;
    this.#varint(byteLength, 0);
    this.#bytes.write(text, this.#length);
    this.#length += byteLength;
  }

  /** A varint field; `value` is a safe integer, not negative. */
  #tagged(tag: number, value: number): void {
    this.#reserve(11);
    this.#bytes[this.#length] = tag;
    this.#length += 1;
    this.#varint(value % TWO_TO_32, Math.floor(value / TWO_TO_32));
  }

  /** A safe integer as sint64: 2v, or −2v − 1, in two words, as 2v may have 54 bits. */
  #zigzag(value: number): void {
    const low = (value % TWO_TO_32) | 0;
    const high = Math.floor(value / TWO_TO_32) | 0;
    const sign = high >> 31;
    this.#varint(((low << 1) ^ sign) >>> 0, (((high << 1) | (low >>> 31)) ^ sign) >>> 0);
  }

  #varint(low: number, high: number): void {
    const bytes = this.#bytes;
    let at = this.#length;
    let lowRest = low;
    let highRest = high;
    while (highRest > 0 || lowRest > 0x7f) {
      bytes[at] = (lowRest & 0x7f) | 0x80;
      at += 1;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    bytes[at] = lowRest;
    this.#length = at + 1;
  }

  #reserve(byteLength: number): void {
    if (this.#length + byteLength <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + byteLength));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

function checkEvent({ orderId, orderKey, price, quantity }: ProducerEvent): void {
  if (orderId !== undefined && (orderId < 1n || orderId > 0xffff_ffff_ffff_ffffn)) {
    throw refused("orderId", "must be from 1 to 2^64 - 1");
  }
  if (orderKey !== undefined && (orderKey === "" || Buffer.byteLength(orderKey) > ORDER_KEY_BYTES_MAX)) {
    throw refused("orderKey", `must have 1 to ${ORDER_KEY_BYTES_MAX} bytes`);
  }
  if (price !== undefined && !Number.isSafeInteger(price)) {
    throw refused("price", "must be a whole number within ±(2^53 - 1)");
  }
  if (quantity !== undefined && (!Number.isSafeInteger(quantity) || quantity < 0)) {
    throw refused("quantity", `must be a whole number from 0 to ${MANTISSA_MAX}`);
  }
}

function refused(field: string, rule: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, `${field}: ${rule}`, { field });
}
