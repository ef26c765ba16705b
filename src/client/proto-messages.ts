import { type BookState } from "../book/depth.ts";
import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type {
  Delta,
  Heartbeat,
  Notice,
  Snapshot,
  Subscribed,
  Update,
} from "../protocol/gen/depthcast/v1/market_data_pb.ts";
import type { Level, Instrument as WireInstrument } from "../protocol/gen/depthcast/v1/types_pb.ts";
import type { NoticeCode } from "../protocol/update-encoder.ts";
import type {
  DeltaUpdate,
  HeartbeatUpdate,
  BookUpdate,
  NoticeUpdate,
  PriceLevel,
  SnapshotUpdate,
  SubscribedUpdate,
} from "./market-update.ts";

/** From protobuf messages to the client's own types. What is not within ±(2^53 − 1) is `internal`. */

interface Envelope {
  readonly viewId: number;
  readonly symbol: string;
}

/** An update as the client knows it; undefined for a kind that this client is too old for. */
export function readUpdate(update: Update): BookUpdate | undefined {
  const envelope = { viewId: update.viewId, symbol: update.symbol };
  const { event } = update;
  switch (event.case) {
    case "subscribed":
      return readSubscribed(envelope, event.value);
    case "snapshot":
      return readSnapshot(envelope, event.value);
    case "delta":
      return readDelta(envelope, event.value);
    case "heartbeat":
      return readHeartbeat(envelope, event.value);
    case "notice":
      return readNotice(envelope, event.value);
    case undefined:
      return undefined;
  }
}

export function readSnapshot(envelope: Envelope, message: Snapshot): SnapshotUpdate {
  return { type: "snapshot", ...envelope, epoch: message.epoch, ...readWindow(message) };
}

export function readInstrument(message: WireInstrument | undefined): Instrument {
  if (message === undefined) throw new DepthcastError(ErrorCode.internal, "the server sent no instrument");
  return {
    symbol: message.symbol,
    priceScale: message.priceScale,
    quantityScale: message.quantityScale,
    crossPolicy: message.crossPolicy === CrossPolicy.flag ? CrossPolicy.flag : CrossPolicy.reject,
    tickSize: safeNumber(message.tickSize),
    lotSize: safeNumber(message.lotSize),
    description: message.description,
  };
}

function readSubscribed(envelope: Envelope, message: Subscribed): SubscribedUpdate {
  return {
    type: "subscribed",
    ...envelope,
    id: message.id,
    instrument: readInstrument(message.instrument),
    depth: message.depth,
    intervalMs: message.intervalMs,
    heartbeatIntervalMs: message.heartbeatIntervalMs,
    resumed: message.resumed,
  };
}

function readDelta(envelope: Envelope, message: Delta): DeltaUpdate {
  return {
    type: "delta",
    ...envelope,
    prevSequence: safeNumber(message.prevSequence),
    ...readWindow(message),
    mergedIntervals: message.mergedIntervals,
  };
}

function readHeartbeat(envelope: Envelope, message: Heartbeat): HeartbeatUpdate {
  return {
    type: "heartbeat",
    ...envelope,
    epoch: message.epoch,
    sequence: safeNumber(message.sequence),
    publishTimeUnixNanos: message.publishTimeUnixNanos,
  };
}

function readNotice(envelope: Envelope, message: Notice): NoticeUpdate {
  return { type: "notice", ...envelope, code: message.code as NoticeCode, detail: message.detail };
}

function readWindow(message: Snapshot | Delta) {
  return {
    sequence: safeNumber(message.sequence),
    bids: message.bids.map(readLevel),
    asks: message.asks.map(readLevel),
    checksum: message.checksum,
    state: message.state as BookState,
    sourceTimeUnixNanos: message.sourceTimeUnixNanos,
    publishTimeUnixNanos: message.publishTimeUnixNanos,
  };
}

function readLevel(level: Level): PriceLevel {
  return {
    price: safeNumber(level.price),
    quantity: safeNumber(level.quantity),
    orderCount: level.orderCount,
  };
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) {
    throw new DepthcastError(ErrorCode.internal, `the server sent ${value}, which is beyond 2^53 - 1`);
  }
  return number;
}
