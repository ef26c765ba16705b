import { DepthcastError, ErrorCode } from "../errors.ts";
import {
  type Limits,
  MANTISSA_MAX,
  PRODUCER_ID_BYTES_MAX,
  SYMBOL_BYTES_MAX,
  SYMBOL_PATTERN,
} from "../limits.ts";
import { reuseColumns } from "./event-columns.ts";
import { checkUtf8, decodeAnyEvent, unsigned } from "./event-decoder.ts";
import type { IngestBatch } from "./ingest-batch.ts";
import { malformedMessage } from "./message-decoding.ts";
import { decodePlainEvents, PLAIN_EVENT_BYTES_MAX } from "./plain-events.ts";
import { refusedField, unknownSymbol } from "./subscription.ts";
import { TextCache } from "./text-cache.ts";
import { MalformedWireError, WireReader, WireType } from "./wire-reader.ts";

/**
 * Decodes an IngestRequest (or IngestAckedRequest: the fields are the same) straight from its wire bytes
 * into columns, without an object for each event. Unknown fields, and known ones with another wire type,
 * are skipped as protobuf demands; of a field that is given twice the last one counts.
 *
 * The batch is good until the next call on this thread, which fills the same one: whoever keeps events copies
 * them first. Their keys are not copied, but stand in `message`.
 *
 * @throws DepthcastError `invalid_argument` (malformed bytes, a limit), `not_found` (a symbol that no
 *   instrument could have).
 */
export function decodeIngestRequest(message: Uint8Array, limits: Limits): IngestBatch {
  try {
    return decodeBatch(message, openMessage(message), limits);
  } catch (thrown) {
    if (thrown instanceof MalformedWireError) throw malformedMessage("IngestRequest", thrown.message);
    throw thrown;
  } finally {
    // A large message is not held until the next one.
    if (reader.bytes !== workspace) reader.reset(NO_BYTES);
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

const NO_BYTES = new Uint8Array(0);
/** Messages up to this size are decoded in the workspace. */
const WORKSPACE_MESSAGE_BYTES_MAX = 64 * 1024;

/** Room for so many events is there anyway. */
const UNCOUNTED_EVENTS_MAX = 128;

/**
 * A copy of the message with room behind it to read ahead into. It also is always the same array, which the
 * compiler makes use of. In a larger message only the last events are decoded without reading ahead.
 */
const workspace = new Uint8Array(WORKSPACE_MESSAGE_BYTES_MAX + PLAIN_EVENT_BYTES_MAX);
const workspaceView = new DataView(workspace.buffer);
const reader = new WireReader();
/** Given out again and again, as are its columns. */
const decoded: { -readonly [Name in keyof IngestBatch]: IngestBatch[Name] } = {
  symbol: "",
  events: reuseColumns(0),
  producerId: "",
  batchNumber: 0,
  sourceTimeLow: 0,
  sourceTimeHigh: 0,
};
const texts = new TextCache();
/** The last symbol that passed the pattern; none at first. */
let symbolBefore: string | undefined;
/** Its field as the wire has it, with which nearly every message begins. */
const symbolField = new Uint8Array(2 + SYMBOL_BYTES_MAX);
const symbolFieldView = new DataView(symbolField.buffer);
let symbolFieldBytes = 0;

/** Makes the reader stand at the message's start; returns a view on the reader's bytes. */
function openMessage(message: Uint8Array): DataView {
  const { length } = message;
  if (length <= WORKSPACE_MESSAGE_BYTES_MAX) {
    workspace.set(message);
    reader.reset(workspace, length);
    return workspaceView;
  }
  // Asked for here only: each costs as much as copying a small message.
  const { buffer, byteOffset } = message;
  reader.reset(new Uint8Array(buffer, byteOffset, length));
  return new DataView(buffer, byteOffset, length);
}

function decodeBatch(message: Uint8Array, view: DataView, limits: Limits): IngestBatch {
  let symbol = skipSymbolBefore(view);
  const columns = reuseColumns(eventsAtMost(limits));
  let producerId = "";
  let batchNumber = 0;
  let sourceTimeLow = 0;
  let sourceTimeHigh = 0;
  let index = 0;
  while (reader.position < reader.end) {
    index = decodePlainEvents(reader, view, RequestTag.event, columns, index);
    if (reader.position === reader.end) break;
    const tag = reader.tag();
    switch (tag) {
      case RequestTag.event:
        decodeAnyEvent(reader, columns, index++);
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
        sourceTimeLow = reader.low;
        sourceTimeHigh = reader.high;
        break;
      default:
        reader.skip(tag);
    }
  }
  if (producerId.length * 3 > PRODUCER_ID_BYTES_MAX) checkProducerId(producerId);
  if (symbol !== symbolBefore) checkSymbol(symbol);
  if (batchNumber > MANTISSA_MAX) batchNumber = Infinity;
  columns.length = index;
  columns.keyBytes = message;
  decoded.symbol = symbol;
  decoded.events = columns;
  decoded.producerId = producerId;
  decoded.batchNumber = batchNumber;
  decoded.sourceTimeLow = sourceTimeLow;
  decoded.sourceTimeHigh = sourceTimeHigh;
  return decoded;
}

/** Reads the first field where it is the symbol of the message before; "" and nothing read where it is not. */
function skipSymbolBefore(view: DataView): string {
  if (symbolFieldBytes > reader.end) return "";
  let at = 0;
  for (; at + 4 <= symbolFieldBytes; at += 4) {
    if (view.getInt32(at) !== symbolFieldView.getInt32(at)) return "";
  }
  for (; at < symbolFieldBytes; at++) if (view.getUint8(at) !== symbolField[at]) return "";
  reader.position = symbolFieldBytes;
  return symbolBefore ?? "";
}

/** How many events there may be: as many as fit two bytes each, where that is few enough not to count them. */
function eventsAtMost(limits: Limits): number {
  const bound = (reader.end - reader.position) >> 1;
  return bound <= UNCOUNTED_EVENTS_MAX && bound <= limits.eventsPerBatchMax ? bound : countEvents(limits);
}

/** Counts the events, so that a batch of too many is refused before room is made for it. */
function countEvents(limits: Limits): number {
  const { bytes, end, position } = reader;
  let count = 0;
  while (reader.position < end) {
    let at = reader.position;
    while (at + 1 < end && bytes[at] === RequestTag.event && (bytes[at + 1] as number) < 0x80) {
      at += 2 + (bytes[at + 1] as number);
      count += 1;
    }
    // A last event that is cut off is found out when it is decoded.
    if (at >= end) break;
    reader.position = at;
    const tag = reader.tag();
    if (tag === RequestTag.event) {
      reader.position = reader.lengthDelimitedEnd();
      count += 1;
    } else reader.skip(tag);
  }
  reader.position = position;
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

function checkSymbol(symbol: string): void {
  if (!SYMBOL_PATTERN.test(symbol)) throw unknownSymbol(symbol, "symbol");
  symbolBefore = symbol;
  // The pattern is ASCII: a byte for each character.
  symbolField[0] = RequestTag.symbol;
  symbolField[1] = symbol.length;
  for (let at = 0; at < symbol.length; at++) symbolField[2 + at] = symbol.charCodeAt(at);
  symbolFieldBytes = 2 + symbol.length;
}

function checkProducerId(producerId: string): void {
  if (Buffer.byteLength(producerId) <= PRODUCER_ID_BYTES_MAX) return;
  throw refusedField("producer_id", `must have at most ${PRODUCER_ID_BYTES_MAX} bytes`);
}

/** Reads a text, of one over `bytesMax` only so much that it still is too long. */
function readText(bytesMax: number): string {
  const end = reader.lengthDelimitedEnd();
  const start = reader.position;
  const { bytes } = reader;
  reader.position = end;
  const known = texts.read(bytes, start, end);
  if (known !== undefined) return known;
  checkUtf8(bytes, start, end);
  const shown = Math.min(end, start + 4 * (bytesMax + 1));
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, shown - start).toString("utf8");
}
