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
/** Bytes of a batch before its columns, and of each event without a key. */
export const BATCH_HEADER_BYTES = HEADER_BYTES;
export const PLAIN_RECORD_EVENT_BYTES = 27;

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

const NO_BYTES = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
/** The header that is being read: its views are made once. */
const headerBytes = new Uint8Array(HEADER_BYTES);
const headerWords = new Int32Array(headerBytes.buffer);
const headerDoubles = new Float64Array(headerBytes.buffer);

/** A batch to be written; without an instrument it is one that has no place in the log yet. */
type BatchToRecord = Omit<BatchRecord, "kind" | "instrument"> & { readonly instrument?: number };

/** Writes a batch into a buffer of its own, which may be transferred. The columns are copied. */
export function encodeBatchRecord(batch: BatchToRecord): ArrayBuffer {
  const { events } = batch;
  const count = events.length;
  const producerId = producerBytes(batch.producerId);
  const keyBytes = keyBytesOf(events);
  const layout = batchLayout(count, keyBytes, producerId.length);
  const { buffer, bytes, words, doubles } = workspace(layout.byteLength);
  writeHeader(words, RecordKind.batch, layout.byteLength);
  words[3] = batch.instrument ?? 0;
  doubles[2] = batch.batchNumber;
  words[6] = batch.sourceTimeLow;
  words[7] = batch.sourceTimeHigh;
  words[8] = count;
  words[9] = keyBytes;
  words[10] = producerId.length;
  words[11] = 0;
  const firstDouble = HEADER_BYTES / 8;
  putColumn(doubles, firstDouble, events.price, count);
  putColumn(doubles, firstDouble + count, events.quantity, count);
  putColumn(words, layout.orderIds / 4, events.orderIdLow, count);
  putColumn(words, layout.orderIds / 4 + count, events.orderIdHigh, count);
  putColumn(bytes, layout.bytes, events.action, count);
  putColumn(bytes, layout.bytes + count, events.side, count);
  putColumn(bytes, layout.bytes + count * 2, events.flags, count);
  if (keyBytes > 0) putKeys(events, layout, bytes, words);
  bytes.set(producerId, layout.producerId);
  return buffer.slice(0, layout.byteLength);
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

/** What the sequencer needs of a record, without its columns. */
export interface RecordHeader {
  readonly kind: number;
  readonly instrument: number;
  readonly producerId: string;
  readonly batchNumber: number;
}

/** Gives an encoded batch its instrument number, which the edge may not know. */
export function setBatchInstrument(record: ArrayBuffer, instrument: number): void {
  new DataView(record).setUint32(12, instrument, true);
}

/**
 * Reads what the sequencer needs; of a record that is no batch only the kind is meant.
 *
 * @throws DepthcastError `internal` as `decodeRecord`.
 */
export function readHeader(buffer: ArrayBuffer): RecordHeader {
  if (buffer.byteLength < HEADER_BYTES) throw damaged("shorter than its header");
  headerBytes.set(new Uint8Array(buffer, 0, HEADER_BYTES));
  // What is not as it should be is told by the slower way.
  if (!isSound(headerWords, buffer.byteLength)) checkedHeader(buffer);
  const kind = (headerWords[1] as number) >>> 16;
  const producerIdBytes = kind === RecordKind.batch ? (headerWords[10] as number) : 0;
  return {
    kind,
    instrument: headerWords[3] as number,
    batchNumber: headerDoubles[2] as number,
    producerId: producerIdBytes === 0 ? "" : producerIdAt(buffer, buffer.byteLength - producerIdBytes),
  };
}

/** Whether the words of a header, as they are in memory, are of a record of so many bytes. */
function isSound(words: Int32Array, byteLength: number): boolean {
  return words[0] === MAGIC && ((words[1] as number) & 0xffff) === VERSION && words[2] === byteLength;
}

/**
 * Whether these are the words of a batch without keys: then its `words[8]` events are where `plainColumns`
 * looks for them.
 */
export function isPlainBatch(words: Int32Array, byteLength: number): boolean {
  const [count, keyBytes, producerIdBytes] = [words[8] as number, words[9] as number, words[10] as number];
  return (
    isSound(words, byteLength) &&
    (words[1] as number) >>> 16 === RecordKind.batch &&
    keyBytes === 0 &&
    batchLayout(count, 0, producerIdBytes).byteLength === byteLength
  );
}

/** The columns of a batch of `count` events without keys, as views on `buffer`. */
export function plainColumns(buffer: ArrayBuffer, count: number): OrderEventColumns {
  return columnsOf(buffer, batchLayout(count, 0, 0), count, 0);
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
    producerId: producerIdBytes === 0 ? "" : producerIdAt(buffer, layout.producerId),
    events: columnsOf(buffer, layout, count, keyBytes),
  };
}

/** The end of a batch record, from `start` on. */
function producerIdAt(buffer: ArrayBuffer, start: number): string {
  return decoder.decode(new Uint8Array(buffer, start));
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

/** Below this a loop is quicker than making a view for `set`. */
const LOOP_MAX = 48;

function putColumn<Column extends Float64Array | Int32Array | Uint8Array>(
  target: Column,
  at: number,
  source: Column,
  count: number,
): void {
  if (count > LOOP_MAX) target.set(source.subarray(0, count), at);
  else for (let i = 0; i < count; i++) target[at + i] = source[i] ?? 0;
}

/** Copies the keys one behind the other, whatever lay between them in the source. */
function putKeys(events: OrderEventColumns, layout: BatchLayout, bytes: Uint8Array, words: Int32Array): void {
  const { keyBytes, keyLength, keyOffset } = events;
  const lengthsAt = layout.bytes + events.length * 3;
  const offsetsAt = layout.keyOffset / 4;
  let offset = 0;
  for (let i = 0; i < events.length; i++) {
    const length = keyLength[i] ?? 0;
    const from = keyOffset[i] ?? 0;
    bytes[lengthsAt + i] = length;
    words[offsetsAt + i] = offset;
    // At most 64 bytes: a view for each key would cost more than they do.
    for (let k = 0; k < length; k++) bytes[layout.keys + offset + k] = keyBytes[from + k] ?? 0;
    offset += length;
  }
}

interface Workspace {
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
}

/** What is kept for the next record; larger ones get a workspace that is given up again. */
const WORKSPACE_BYTES = 512 * 1024;
const kept = createWorkspace(WORKSPACE_BYTES);

/** Where a record is put together: its views are made once, which for a batch of one is most of the cost. */
function workspace(byteLength: number): Workspace {
  return byteLength <= WORKSPACE_BYTES ? kept : createWorkspace(Math.ceil(byteLength / 8) * 8);
}

function createWorkspace(byteLength: number): Workspace {
  const buffer = new ArrayBuffer(byteLength);
  return {
    buffer,
    bytes: new Uint8Array(buffer),
    words: new Int32Array(buffer),
    doubles: new Float64Array(buffer),
  };
}

let lastProducerId = "";
let lastProducerBytes = NO_BYTES;

/** The bytes of a producer's id; one producer sends many batches in a row. */
function producerBytes(producerId: string): Uint8Array {
  if (producerId === "") return NO_BYTES;
  if (producerId !== lastProducerId) {
    lastProducerBytes = encoder.encode(producerId);
    lastProducerId = producerId;
  }
  return lastProducerBytes;
}

function encodeJsonRecord(kind: RecordKind, content: Instrument | LogRules): ArrayBuffer {
  const text = encoder.encode(JSON.stringify(content));
  const buffer = new ArrayBuffer(HEADER_BYTES + text.length);
  writeHeader(new Int32Array(buffer, 0, HEADER_BYTES / 4), kind, buffer.byteLength);
  new Uint8Array(buffer, HEADER_BYTES).set(text);
  return buffer;
}

function decodeJson(buffer: ArrayBuffer): unknown {
  return JSON.parse(decoder.decode(new Uint8Array(buffer, HEADER_BYTES)));
}

function writeHeader(words: Int32Array, kind: RecordKind, byteLength: number): void {
  invariant(byteLength <= 0x7fff_ffff, "a record fits its length field");
  words[0] = MAGIC;
  words[1] = VERSION | (kind << 16);
  words[2] = byteLength;
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
