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
import type { SnapshotContent, UpdateEncoder, ViewIdentity } from "./update-encoder.ts";
import { int64FromWords } from "./wide-numbers.ts";

type UpdateEvent = NonNullable<MessageInitShape<typeof UpdateSchema>["event"]>;

/**
 * The dialect of gRPC and of the binary WebSocket. A piece is one `updates` entry of a SubscribeResponse
 * with its field header, so that a response is a concatenation of pieces.
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
  snapshot: (view, content) => encodePiece(view, { case: "snapshot", value: encodeSnapshot(content) }),
  delta: (view, content) =>
    encodePiece(view, {
      case: "delta",
      value: {
        prevSequence: BigInt(content.prevSequence),
        sequence: BigInt(content.sequence),
        bids: encodeLevels(content.bids),
        asks: encodeLevels(content.asks),
        checksum: content.checksum,
        state: content.state,
        sourceTimeUnixNanos: int64FromWords(content.sourceTimeLow, content.sourceTimeHigh),
        publishTimeUnixNanos: content.publishTimeUnixNanos,
        mergedIntervals: content.mergedIntervals,
      },
    }),
  heartbeat: (view, content) =>
    encodePiece(view, {
      case: "heartbeat",
      value: { ...content, sequence: BigInt(content.sequence) },
    }),
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
  return Buffer.concat([lengthDelimitedHeader(WEB_SOCKET_UPDATES_TAG, byteLength), ...pieces]);
}

/** Field 1, length-delimited: `WebSocketResponse.updates`. */
const WEB_SOCKET_UPDATES_TAG = 0x0a;

function lengthDelimitedHeader(tag: number, byteLength: number): Uint8Array {
  const bytes = [tag];
  let rest = byteLength;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
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
