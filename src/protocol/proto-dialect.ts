import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DepthSide } from "../book/depth.ts";
import {
  SnapshotSchema,
  SubscribeResponseSchema,
  type UpdateSchema,
  type Snapshot as WireSnapshot,
} from "./gen/depthcast/v1/market_data_pb.ts";
import { type Level, LevelSchema } from "./gen/depthcast/v1/types_pb.ts";
import { encodeInstrument } from "./instrument-codec.ts";
import { PieceWriter } from "./piece-writer.ts";
import type { SnapshotContent, UpdateEncoder, ViewIdentity, WindowContent } from "./update-encoder.ts";
import { int64FromWords } from "./wide-numbers.ts";
import {
  putFixed32,
  putVarint32,
  putVarint53,
  putVarint64,
  putZigZag53,
  varint32ByteLength,
} from "./wire-bytes.ts";
import { WireType } from "./wire-reader.ts";

type UpdateEvent = NonNullable<MessageInitShape<typeof UpdateSchema>["event"]>;

/**
 * The dialect of gRPC and of the binary WebSocket. A piece is one `updates` entry of a SubscribeResponse
 * with its field header, so that a response is a concatenation of pieces. What is sent all the time is
 * written straight from the columns, byte for byte as protobuf-es would write it: fields in the order of
 * their numbers, those with their default left out.
 */
export const protoDialect: UpdateEncoder = {
  subscribed: (view, content) =>
    encodePiece(view, {
      case: "subscribed",
      value: {
        instrument: encodeInstrument(view.instrument),
        depth: view.depth,
        intervalMs: view.intervalMs,
        heartbeatIntervalMs: content.heartbeatIntervalMs,
        id: content.id,
        resumed: content.resumed,
      },
    }),
  snapshot: (view, content) => {
    const bytes = writer.begin(bytesMaxOf(content));
    let at = putWide(bytes, EVENT_START, WindowTag.first, content.epoch);
    at = putNumber53(bytes, at, WindowTag.sequence, content.sequence);
    return finishPiece(bytes, view, UpdateTag.snapshot, putWindow(bytes, at, content));
  },
  delta: (view, content) => {
    const bytes = writer.begin(bytesMaxOf(content));
    let at = putNumber53(bytes, EVENT_START, WindowTag.first, content.prevSequence);
    at = putNumber53(bytes, at, WindowTag.sequence, content.sequence);
    at = putWindow(bytes, at, content);
    at = putNumber32(bytes, at, WindowTag.mergedIntervals, content.mergedIntervals);
    return finishPiece(bytes, view, UpdateTag.delta, at);
  },
  heartbeat: (view, content) => {
    const bytes = writer.begin(FIXED_BYTES_MAX);
    let at = putWide(bytes, EVENT_START, HeartbeatTag.epoch, content.epoch);
    at = putNumber53(bytes, at, HeartbeatTag.sequence, content.sequence);
    at = putWide(bytes, at, HeartbeatTag.publishTime, content.publishTimeUnixNanos);
    return finishPiece(bytes, view, UpdateTag.heartbeat, at);
  },
  notice: (view, content) => encodePiece(view, { case: "notice", value: content }),
};

/** The `Snapshot` message of a window. */
export function encodeSnapshot(content: SnapshotContent): WireSnapshot {
  return create(SnapshotSchema, {
    epoch: content.epoch,
    sequence: BigInt(content.sequence),
    bids: encodeLevels(content.bids),
    asks: encodeLevels(content.asks),
    checksum: content.checksum,
    state: content.state,
    sourceTimeUnixNanos: int64FromWords(content.sourceTimeLow, content.sourceTimeHigh),
    publishTimeUnixNanos: content.publishTimeUnixNanos,
  });
}

/** A `SubscribeResponse` of these pieces. */
export function encodeSubscribeResponse(pieces: readonly Uint8Array[]): Buffer {
  return Buffer.concat(pieces);
}

/** A `WebSocketResponse` whose `updates` are these pieces. */
export function encodeWebSocketUpdates(pieces: readonly Uint8Array[]): Buffer {
  let byteLength = 0;
  for (const piece of pieces) byteLength += piece.byteLength;
  const message = Buffer.allocUnsafe(1 + varint32ByteLength(byteLength) + byteLength);
  message[0] = WEB_SOCKET_UPDATES_TAG;
  let at = putVarint32(message, 1, byteLength);
  for (const piece of pieces) {
    message.set(piece, at);
    at += piece.byteLength;
  }
  return message;
}

/** Tags: field number << 3 | wire type. */
const WEB_SOCKET_UPDATES_TAG = (1 << 3) | WireType.lengthDelimited;
const RESPONSE_UPDATES_TAG = (1 << 3) | WireType.lengthDelimited;
const UpdateTag = {
  viewId: (1 << 3) | WireType.varint,
  symbol: (2 << 3) | WireType.lengthDelimited,
  snapshot: (4 << 3) | WireType.lengthDelimited,
  delta: (5 << 3) | WireType.lengthDelimited,
  heartbeat: (6 << 3) | WireType.lengthDelimited,
} as const;
/** Of Snapshot and Delta; the first field is `epoch` there and `prev_sequence` here. */
const WindowTag = {
  first: (1 << 3) | WireType.varint,
  sequence: (2 << 3) | WireType.varint,
  bids: (3 << 3) | WireType.lengthDelimited,
  asks: (4 << 3) | WireType.lengthDelimited,
  checksum: (5 << 3) | WireType.fixed32,
  state: (6 << 3) | WireType.varint,
  sourceTime: (7 << 3) | WireType.varint,
  publishTime: (8 << 3) | WireType.varint,
  mergedIntervals: (9 << 3) | WireType.varint,
} as const;
const HeartbeatTag = {
  epoch: (1 << 3) | WireType.varint,
  sequence: (2 << 3) | WireType.varint,
  publishTime: (3 << 3) | WireType.varint,
} as const;
const LevelTag = {
  price: (1 << 3) | WireType.varint,
  quantity: (2 << 3) | WireType.varint,
  orderCount: (3 << 3) | WireType.varint,
} as const;

/**
 * An event is written here first; what stands before it, of which the lengths are known only then, is
 * written in front: three tags with their numbers or lengths, and a symbol.
 */
const EVENT_START = 128;
/** All of a piece but its levels. */
const FIXED_BYTES_MAX = EVENT_START + 128;
/** Two bytes of header and three fields: 1 + 8, 1 + 8 and 1 + 5 bytes. */
const LEVEL_BYTES_MAX = 26;

const writer = new PieceWriter();
const wide = new DataView(new ArrayBuffer(8));

function bytesMaxOf({ bids, asks }: { readonly bids: DepthSide; readonly asks: DepthSide }): number {
  return FIXED_BYTES_MAX + (bids.length + asks.length) * LEVEL_BYTES_MAX;
}

/** Completes the piece of which the event ends at `end`. */
function finishPiece(bytes: Uint8Array, view: ViewIdentity, eventTag: number, end: number): Buffer {
  const { symbol } = view.instrument;
  const eventByteLength = end - EVENT_START;
  let byteLength = 1 + varint32ByteLength(eventByteLength) + eventByteLength;
  if (symbol.length > 0) byteLength += 2 + symbol.length;
  if (view.viewId !== 0) byteLength += 1 + varint32ByteLength(view.viewId);
  const start = end - byteLength - varint32ByteLength(byteLength) - 1;
  bytes[start] = RESPONSE_UPDATES_TAG;
  let at = putVarint32(bytes, start + 1, byteLength);
  at = putNumber32(bytes, at, UpdateTag.viewId, view.viewId);
  at = putSymbol(bytes, at, symbol);
  bytes[at] = eventTag;
  putVarint32(bytes, at + 1, eventByteLength);
  return writer.finish(start, end);
}

/** ASCII of at most SYMBOL_BYTES_MAX, by its pattern. */
function putSymbol(bytes: Uint8Array, at: number, symbol: string): number {
  const { length } = symbol;
  if (length === 0) return at;
  bytes[at++] = UpdateTag.symbol;
  bytes[at++] = length;
  for (let index = 0; index < length; index++) bytes[at++] = symbol.charCodeAt(index);
  return at;
}

/** Fields 3 to 8 of Snapshot and Delta. */
function putWindow(bytes: Uint8Array, at: number, window: WindowContent): number {
  at = putLevels(bytes, at, WindowTag.bids, window.bids);
  at = putLevels(bytes, at, WindowTag.asks, window.asks);
  if (window.checksum !== 0) {
    bytes[at++] = WindowTag.checksum;
    at = putFixed32(bytes, at, window.checksum);
  }
  at = putNumber32(bytes, at, WindowTag.state, window.state);
  at = putWords(bytes, at, WindowTag.sourceTime, window.sourceTimeLow, window.sourceTimeHigh);
  return putWide(bytes, at, WindowTag.publishTime, window.publishTimeUnixNanos);
}

function putLevels(bytes: Uint8Array, at: number, tag: number, side: DepthSide): number {
  const { length, price: prices, quantity: quantities, orderCount: orderCounts } = side;
  for (let index = 0; index < length; index++) {
    const price = prices[index] as number;
    const quantity = quantities[index] as number;
    const orderCount = orderCounts[index] as number;
    const start = at + 2;
    bytes[at] = tag;
    at = start;
    if (price !== 0) {
      bytes[at] = LevelTag.price;
      at = putZigZag53(bytes, at + 1, price);
    }
    if (quantity !== 0) {
      bytes[at] = LevelTag.quantity;
      at = putVarint53(bytes, at + 1, quantity);
    }
    if (orderCount !== 0) {
      bytes[at] = LevelTag.orderCount;
      at = putVarint32(bytes, at + 1, orderCount);
    }
    bytes[start - 1] = at - start;
  }
  return at;
}

function putNumber32(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return putVarint32(bytes, at + 1, value);
}

function putNumber53(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return putVarint53(bytes, at + 1, value);
}

/** An int64 or uint64. */
function putWide(bytes: Uint8Array, at: number, tag: number, value: bigint): number {
  wide.setBigInt64(0, value, true);
  return putWords(bytes, at, tag, wide.getInt32(0, true), wide.getInt32(4, true));
}

function putWords(bytes: Uint8Array, at: number, tag: number, low: number, high: number): number {
  if ((low | high) === 0) return at;
  bytes[at] = tag;
  return putVarint64(bytes, at + 1, low, high);
}

function encodePiece(view: ViewIdentity, event: UpdateEvent): Buffer {
  const response = create(SubscribeResponseSchema, {
    updates: [{ viewId: view.viewId, symbol: view.instrument.symbol, event }],
  });
  const bytes = toBinary(SubscribeResponseSchema, response);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encodeLevels(side: DepthSide): Level[] {
  const levels: Level[] = [];
  for (let index = 0; index < side.length; index++) {
    levels.push(
      create(LevelSchema, {
        price: BigInt(side.price[index] ?? 0),
        quantity: BigInt(side.quantity[index] ?? 0),
        orderCount: side.orderCount[index] ?? 0,
      }),
    );
  }
  return levels;
}
