import { isUtf8 } from "node:buffer";
import { EventFlag, type OrderEventColumns } from "../book/order-events.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import {
  type Limits,
  MANTISSA_MAX,
  ORDER_KEY_BYTES_MAX,
  PRODUCER_ID_BYTES_MAX,
  SYMBOL_BYTES_MAX,
  SYMBOL_PATTERN,
} from "../limits.ts";
import type { IngestBatch } from "./ingest-batch.ts";
import { malformedMessage } from "./message-decoding.ts";
import { refusedField, unknownSymbol } from "./subscription.ts";
import { MalformedWireError, WireReader, WireType } from "./wire-reader.ts";

/**
 * Decodes an IngestRequest (or IngestAckedRequest: the fields are the same) straight from its wire bytes
 * into columns, without an object for each event. Unknown fields, and known ones with another wire type,
 * are skipped as protobuf demands; of a field that is given twice the last one counts.
 *
 * The columns are the receiver's own; nothing of `message` is held.
 *
 * @throws DepthcastError `invalid_argument` (malformed bytes, a limit), `not_found` (a symbol that no
 *   instrument could have).
 */
export function decodeIngestRequest(message: Uint8Array, limits: Limits): IngestBatch {
  try {
    reader.reset(message);
    return decodeBatch(limits);
  } catch (thrown) {
    if (thrown instanceof MalformedWireError) throw malformedMessage("IngestRequest", thrown.message);
    throw thrown;
  } finally {
    reader.reset(NO_BYTES);
  }
}

/** Tags of IngestRequest: field number << 3 | wire type. */
const RequestTag = {
  symbol: (1 << 3) | WireType.lengthDelimited,
  event: (2 << 3) | WireType.lengthDelimited,
  producerId: (3 << 3) | WireType.lengthDelimited,
  batchNumber: (4 << 3) | WireType.varint,
  sourceTime: (5 << 3) | WireType.varint,
} as const;

/** Tags of OrderEvent. */
const EventTag = {
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
const NO_BYTES = new Uint8Array(0);

const reader = new WireReader();

function decodeBatch(limits: Limits): IngestBatch {
  const columns = createColumns(countEvents(limits));
  let [symbol, producerId] = ["", ""];
  let batchNumber = 0;
  let [sourceTimeLow, sourceTimeHigh] = [0, 0];
  let index = 0;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    switch (tag) {
      case RequestTag.event:
        decodeEvent(columns, index++);
        break;
      case RequestTag.symbol:
        symbol = readText(SYMBOL_BYTES_MAX);
        break;
      case RequestTag.producerId:
        producerId = readText(PRODUCER_ID_BYTES_MAX);
        break;
      case RequestTag.batchNumber:
        reader.varint();
        batchNumber = unsigned(reader.low, reader.high);
        break;
      case RequestTag.sourceTime:
        reader.varint();
        [sourceTimeLow, sourceTimeHigh] = [reader.low, reader.high];
        break;
      default:
        reader.skip(tag);
    }
  }
  if (Buffer.byteLength(producerId) > PRODUCER_ID_BYTES_MAX) {
    throw refusedField("producer_id", `must have at most ${PRODUCER_ID_BYTES_MAX} bytes`);
  }
  if (!SYMBOL_PATTERN.test(symbol)) throw unknownSymbol(symbol, "symbol");
  if (batchNumber > MANTISSA_MAX) batchNumber = Infinity;
  const events = { ...columns, keyBytes: gatherKeys(columns) };
  return { symbol, events, producerId, batchNumber, sourceTimeLow, sourceTimeHigh };
}

/** Counts the events before anything is allocated for them. */
function countEvents(limits: Limits): number {
  let count = 0;
  while (reader.position < reader.end) {
    const tag = reader.tag();
    if (tag === RequestTag.event) {
      reader.position = reader.lengthDelimitedEnd();
      count += 1;
    } else reader.skip(tag);
  }
  reader.position = 0;
  if (count <= limits.eventsPerBatchMax) return count;
  throw new DepthcastError(
    ErrorCode.invalidArgument,
    `events: ${count} are over the limit of ${limits.eventsPerBatchMax} a batch (eventsPerBatchMax)`,
    {
      field: "events",
      reason: "EVENTS_PER_BATCH_MAX",
      metadata: { limit: String(limits.eventsPerBatchMax) },
    },
  );
}

/** All columns in one buffer, the wide ones first, so that each is aligned. */
function createColumns(length: number): OrderEventColumns {
  const buffer = new ArrayBuffer(length * 32);
  let offset = 0;
  const next = (bytes: number) => (offset += length * bytes) - length * bytes;
  return {
    length,
    price: new Float64Array(buffer, next(8), length),
    quantity: new Float64Array(buffer, next(8), length),
    orderIdLow: new Int32Array(buffer, next(4), length),
    orderIdHigh: new Int32Array(buffer, next(4), length),
    keyOffset: new Uint32Array(buffer, next(4), length),
    action: new Uint8Array(buffer, next(1), length),
    side: new Uint8Array(buffer, next(1), length),
    flags: new Uint8Array(buffer, next(1), length),
    keyLength: new Uint8Array(buffer, next(1), length),
    keyBytes: NO_BYTES,
  };
}

/** Decodes one event; its key's offset is that in the message until `gatherKeys`. */
function decodeEvent(columns: OrderEventColumns, index: number): void {
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
        checkUtf8(reader.position, keyEnd);
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

/** Copies the keys out of the message, and turns their offsets into offsets in the copy. */
function gatherKeys(columns: OrderEventColumns): Uint8Array {
  let byteLength = 0;
  for (const keyLength of columns.keyLength) byteLength += keyLength;
  const keyBytes = byteLength === 0 ? NO_BYTES : new Uint8Array(byteLength);
  let offset = 0;
  for (let index = 0; index < columns.length; index++) {
    const keyLength = columns.keyLength[index] as number;
    const from = columns.keyOffset[index] as number;
    for (let at = 0; at < keyLength; at++) keyBytes[offset + at] = reader.bytes[from + at] as number;
    columns.keyOffset[index] = offset;
    offset += keyLength;
  }
  return keyBytes;
}

/** Reads a text, of one over `bytesMax` only so much that it still is too long. */
function readText(bytesMax: number): string {
  const end = reader.lengthDelimitedEnd();
  const start = reader.position;
  checkUtf8(start, end);
  reader.position = end;
  const { buffer, byteOffset } = reader.bytes;
  const shown = Math.min(end, start + 4 * (bytesMax + 1));
  return Buffer.from(buffer, byteOffset + start, shown - start).toString("utf8");
}

/** Most texts are short and ASCII, which a loop finds out faster than a call into native code. */
function checkUtf8(start: number, end: number): void {
  const { bytes } = reader;
  const asciiEnd = end - start <= ORDER_KEY_BYTES_MAX ? end : start;
  let at = start;
  while (at < asciiEnd && (bytes[at] as number) < 0x80) at++;
  if (at < end && !isUtf8(bytes.subarray(start, end))) throw new MalformedWireError("a text is not UTF-8");
}

/** An open enum's number, as the int32 that it is on the wire, fit for a column of bytes. */
function enumValue(low: number): number {
  return low < UNKNOWN_ENUM ? low : UNKNOWN_ENUM;
}

/** A uint64; over 2^53 − 1 it is not exact, but over 2^53 − 1. */
function unsigned(low: number, high: number): number {
  return (high >>> 0) * TWO_TO_32 + (low >>> 0);
}

/** A sint64; outside ±(2^53 − 1) it is not exact, but no safe integer. */
function zigZag(low: number, high: number): number {
  const magnitude = (high >>> 1) * TWO_TO_32 + (((low >>> 1) | (high << 31)) >>> 0);
  return (low & 1) === 0 ? magnitude : -magnitude - 1;
}
