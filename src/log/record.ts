import type { Instrument } from "../book/instrument.ts";
import type { OrderEventColumns } from "../book/order-events.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";

/**
 * The one batch record: what a gateway's decoder makes, the order log keeps, threads hand to each other
 * (the buffer is transferable) and a replay reads. Little-endian, version 1:
 *
 * ```
 *  0 u32 magic        4 u16 version      6 u16 kind          8 u32 byteLength
 * 12 u32 instrument  16 f64 batchNumber 24 i32 sourceTimeLow 28 i32 sourceTimeHigh
 * 32 u32 eventCount  36 u32 keyBytes    40 u32 producerId bytes   44 u32 reserved (0)
 * 48 columns of a batch, widest first: price f64, quantity f64, orderIdLow i32, orderIdHigh i32,
 *    [keyOffset u32,] action u8, side u8, flags u8, [keyLength u8, keys,] producerId
 *    or, for the other kinds, JSON
 * ```
 *
 * The columns in brackets are there where the batch has keys. A number decides nothing by its place in
 * memory: records of one content are equal byte by byte.
 */

const MAGIC = 0x43_50_45_44; // "DEPC"
const VERSION = 1;
const HEADER_BYTES = 48;

/** What a record holds; the values are those on disk. */
export const RecordKind = {
  /** What decides outcomes beside the events: capacities and the version of the rules. */
  rules: 1,
  /** A definition of an instrument. */
  define: 2,
  /** Order events of one symbol. */
  batch: 3,
} as const;
export type RecordKind = (typeof RecordKind)[keyof typeof RecordKind];

/** Capacities that decide refusals, and the version of the rules by which events are judged. */
export interface LogRules {
  readonly rulesVersion: 1;
  readonly liveOrdersMax: number;
  readonly levelsPerSideMax: number;
  readonly instrumentsMax: number;
  readonly producersMax: number;
}

export interface BatchRecord {
  readonly kind: typeof RecordKind.batch;
  /** The instrument's number in the order of definitions. */
  readonly instrument: number;
  readonly producerId: string;
  readonly batchNumber: number;
  readonly sourceTimeLow: number;
  readonly sourceTimeHigh: number;
  /** Views on the record's buffer. */
  readonly events: OrderEventColumns;
}
export interface DefineRecord {
  readonly kind: typeof RecordKind.define;
  readonly instrument: Instrument;
}
export interface RulesRecord {
  readonly kind: typeof RecordKind.rules;
  readonly rules: LogRules;
}
export type LogRecord = BatchRecord | DefineRecord | RulesRecord;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Writes a batch into a buffer of its own, which may be transferred. */
export function encodeBatchRecord(batch: Omit<BatchRecord, "kind">): ArrayBuffer {
  const { events } = batch;
  const count = events.length;
  const producerId = batch.producerId === "" ? NO_BYTES : encoder.encode(batch.producerId);
  const keyBytes = keyBytesOf(events);
  const layout = batchLayout(count, keyBytes, producerId.length);
  const buffer = new ArrayBuffer(layout.byteLength);
  const header = new DataView(buffer);
  writeHeader(header, RecordKind.batch, layout.byteLength);
  header.setUint32(12, batch.instrument, true);
  header.setFloat64(16, batch.batchNumber, true);
  header.setInt32(24, batch.sourceTimeLow, true);
  header.setInt32(28, batch.sourceTimeHigh, true);
  header.setUint32(32, count, true);
  header.setUint32(36, keyBytes, true);
  header.setUint32(40, producerId.length, true);
  const columns = columnsOf(buffer, layout, count, keyBytes);
  columns.price.set(events.price.subarray(0, count));
  columns.quantity.set(events.quantity.subarray(0, count));
  columns.orderIdLow.set(events.orderIdLow.subarray(0, count));
  columns.orderIdHigh.set(events.orderIdHigh.subarray(0, count));
  columns.action.set(events.action.subarray(0, count));
  columns.side.set(events.side.subarray(0, count));
  columns.flags.set(events.flags.subarray(0, count));
  if (keyBytes > 0) packKeys(events, columns);
  new Uint8Array(buffer, layout.producerId, producerId.length).set(producerId);
  return buffer;
}

export function encodeDefineRecord(instrument: Instrument): ArrayBuffer {
  return encodeJsonRecord(RecordKind.define, instrument);
}

export function encodeRulesRecord(rules: LogRules): ArrayBuffer {
  return encodeJsonRecord(RecordKind.rules, rules);
}

/**
 * Reads a record. A batch's columns are views on `buffer`, nothing is copied.
 *
 * @throws DepthcastError `internal` where the bytes are no record, or of a version that this build does
 *   not know.
 */
export function decodeRecord(buffer: ArrayBuffer): LogRecord {
  const header = checkedHeader(buffer);
  const kind = header.getUint16(6, true);
  switch (kind) {
    case RecordKind.batch:
      return decodeBatch(buffer, header);
    case RecordKind.define:
      return { kind, instrument: decodeJson(buffer) as Instrument };
    case RecordKind.rules:
      return { kind, rules: decodeJson(buffer) as LogRules };
    default:
      throw damaged(`of an unknown kind (${kind})`);
  }
}

/** What the sequencer needs of a batch, without its columns. */
export interface BatchHeader {
  readonly instrument: number;
  readonly producerId: string;
  readonly batchNumber: number;
}

/** Gives an encoded batch its instrument number, which the edge may not know. */
export function setBatchInstrument(record: ArrayBuffer, instrument: number): void {
  new DataView(record).setUint32(12, instrument, true);
}

/** @throws DepthcastError `internal` as `decodeRecord`. */
export function recordKind(buffer: ArrayBuffer): number {
  return checkedHeader(buffer).getUint16(6, true);
}

/** Reads the header of a batch record. */
export function readBatchHeader(buffer: ArrayBuffer): BatchHeader {
  const header = new DataView(buffer);
  const producerIdBytes = header.getUint32(40, true);
  return {
    instrument: header.getUint32(12, true),
    batchNumber: header.getFloat64(16, true),
    producerId:
      producerIdBytes === 0
        ? ""
        : decoder.decode(new Uint8Array(buffer, buffer.byteLength - producerIdBytes, producerIdBytes)),
  };
}

function decodeBatch(buffer: ArrayBuffer, header: DataView): BatchRecord {
  const count = header.getUint32(32, true);
  const keyBytes = header.getUint32(36, true);
  const producerIdBytes = header.getUint32(40, true);
  const layout = batchLayout(count, keyBytes, producerIdBytes);
  if (layout.byteLength !== buffer.byteLength) throw damaged("not as long as its columns");
  return {
    kind: RecordKind.batch,
    instrument: header.getUint32(12, true),
    batchNumber: header.getFloat64(16, true),
    sourceTimeLow: header.getInt32(24, true),
    sourceTimeHigh: header.getInt32(28, true),
    producerId:
      producerIdBytes === 0 ? "" : decoder.decode(new Uint8Array(buffer, layout.producerId, producerIdBytes)),
    events: columnsOf(buffer, layout, count, keyBytes),
  };
}

interface BatchLayout {
  readonly orderIds: number;
  readonly keyOffset: number;
  readonly bytes: number;
  readonly keys: number;
  readonly producerId: number;
  readonly byteLength: number;
}

function batchLayout(count: number, keyBytes: number, producerIdBytes: number): BatchLayout {
  const orderIds = HEADER_BYTES + count * 16;
  const keyOffset = orderIds + count * 8;
  const bytes = keyOffset + (keyBytes > 0 ? count * 4 : 0);
  const keys = bytes + count * (keyBytes > 0 ? 4 : 3);
  const producerId = keys + keyBytes;
  return { orderIds, keyOffset, bytes, keys, producerId, byteLength: producerId + producerIdBytes };
}

function columnsOf(
  buffer: ArrayBuffer,
  layout: BatchLayout,
  count: number,
  keyBytes: number,
): OrderEventColumns {
  const hasKeys = keyBytes > 0;
  return {
    length: count,
    price: new Float64Array(buffer, HEADER_BYTES, count),
    quantity: new Float64Array(buffer, HEADER_BYTES + count * 8, count),
    orderIdLow: new Int32Array(buffer, layout.orderIds, count),
    orderIdHigh: new Int32Array(buffer, layout.orderIds + count * 4, count),
    action: new Uint8Array(buffer, layout.bytes, count),
    side: new Uint8Array(buffer, layout.bytes + count, count),
    flags: new Uint8Array(buffer, layout.bytes + count * 2, count),
    keyLength: hasKeys ? new Uint8Array(buffer, layout.bytes + count * 3, count) : zeroBytes(count),
    keyOffset: hasKeys ? new Uint32Array(buffer, layout.keyOffset, count) : zeroWords(count),
    keyBytes: hasKeys ? new Uint8Array(buffer, layout.keys, keyBytes) : NO_BYTES,
  };
}

function keyBytesOf(events: OrderEventColumns): number {
  let bytes = 0;
  for (let i = 0; i < events.length; i++) bytes += events.keyLength[i] ?? 0;
  return bytes;
}

/** Copies the keys one behind the other, whatever lay between them in the source. */
function packKeys(events: OrderEventColumns, columns: OrderEventColumns): void {
  let offset = 0;
  for (let i = 0; i < events.length; i++) {
    const length = events.keyLength[i] ?? 0;
    const from = events.keyOffset[i] ?? 0;
    columns.keyLength[i] = length;
    columns.keyOffset[i] = offset;
    columns.keyBytes.set(events.keyBytes.subarray(from, from + length), offset);
    offset += length;
  }
}

function encodeJsonRecord(kind: RecordKind, content: Instrument | LogRules): ArrayBuffer {
  const text = encoder.encode(JSON.stringify(content));
  const buffer = new ArrayBuffer(HEADER_BYTES + text.length);
  writeHeader(new DataView(buffer), kind, buffer.byteLength);
  new Uint8Array(buffer, HEADER_BYTES).set(text);
  return buffer;
}

function decodeJson(buffer: ArrayBuffer): unknown {
  return JSON.parse(decoder.decode(new Uint8Array(buffer, HEADER_BYTES)));
}

function writeHeader(header: DataView, kind: RecordKind, byteLength: number): void {
  invariant(byteLength <= 0xffff_ffff, "a record fits its length field");
  header.setUint32(0, MAGIC, true);
  header.setUint16(4, VERSION, true);
  header.setUint16(6, kind, true);
  header.setUint32(8, byteLength, true);
}

function checkedHeader(buffer: ArrayBuffer): DataView {
  if (buffer.byteLength < HEADER_BYTES) throw damaged("shorter than its header");
  const header = new DataView(buffer);
  if (header.getUint32(0, true) !== MAGIC) throw damaged("without the mark of a record");
  const version = header.getUint16(4, true);
  if (version !== VERSION) {
    throw new DepthcastError(
      ErrorCode.internal,
      `log record of version ${version}: this build reads version ${VERSION}; start it with a newer depthcast`,
    );
  }
  if (header.getUint32(8, true) !== buffer.byteLength) throw damaged("not as long as it says");
  return header;
}

function damaged(how: string): DepthcastError {
  return new DepthcastError(ErrorCode.internal, `damaged log record: ${how}`, { reason: "LOG_DAMAGED" });
}

const NO_BYTES = new Uint8Array(0);
let zeros = new ArrayBuffer(1024);

/** A column of zeros for batches without keys; shared, and written by nobody. */
function zeroBytes(count: number): Uint8Array {
  if (zeros.byteLength < count) zeros = new ArrayBuffer(count * 2);
  return new Uint8Array(zeros, 0, count);
}

function zeroWords(count: number): Uint32Array {
  if (zeros.byteLength < count * 4) zeros = new ArrayBuffer(count * 8);
  return new Uint32Array(zeros, 0, count);
}
