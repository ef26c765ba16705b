import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { BookState, createDepth } from "../../src/book/depth.ts";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { WebSocketResponseSchema } from "../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import {
  encodeSubscribeResponse,
  encodeWebSocketUpdates,
  protoDialect,
} from "../../src/protocol/proto-dialect.ts";
import { NoticeCode, type ViewIdentity } from "../../src/protocol/update-encoder.ts";
import {
  expectPiecesKept,
  expectSameDialect,
  expectSameLongUpdates,
} from "../support/expect-same-dialect.ts";
import { protobufEsDialect } from "../support/protobuf-es-dialect.ts";

const view: ViewIdentity = {
  viewId: 4711,
  instrument: {
    symbol: "BTC-USD",
    priceScale: 2,
    quantityScale: 8,
    crossPolicy: CrossPolicy.reject,
    tickSize: 1,
    lotSize: Number.MAX_SAFE_INTEGER,
    description: "é",
  },
  depth: 20,
  intervalMs: 50,
};

function depthWith(bids: number[][], asks: number[][]) {
  const depth = createDepth(8);
  for (const [side, levels] of [
    [depth.bids, bids],
    [depth.asks, asks],
  ] as const) {
    for (const [index, [price = 0, quantity = 0, orderCount = 0]] of levels.entries()) {
      side.price[index] = price;
      side.quantity[index] = quantity;
      side.orderCount[index] = orderCount;
    }
    side.length = levels.length;
  }
  return depth;
}

const TIME = 1_763_800_000_000_000_000n;
const depth = depthWith([[-5, Number.MAX_SAFE_INTEGER, 3]], [[101, 0, 0]]);
const window = {
  sequence: Number.MAX_SAFE_INTEGER,
  bids: depth.bids,
  asks: depth.asks,
  checksum: 0xffff_fff0,
  state: BookState.crossed,
  sourceTimeLow: Number(TIME & 0xffff_ffffn) | 0,
  sourceTimeHigh: Number(TIME >> 32n),
  publishTimeUnixNanos: TIME + 1n,
};
const pieces = [
  protoDialect.subscribed(view, { heartbeatIntervalMs: 1000, id: "mine", resumed: true }),
  protoDialect.snapshot(view, { ...window, epoch: 2n ** 63n }),
  protoDialect.delta(view, { ...window, prevSequence: 7, mergedIntervals: 2 }),
  protoDialect.heartbeat(view, { epoch: 5n, sequence: 9, publishTimeUnixNanos: TIME }),
  protoDialect.notice(view, { code: NoticeCode.resync, detail: "why" }),
];

describe("protoDialect", () => {
  it("makes pieces whose concatenation is a SubscribeResponse", () => {
    const { updates } = fromBinary(SubscribeResponseSchema, encodeSubscribeResponse(pieces));
    expect(updates.map(({ viewId, symbol, event }) => [viewId, symbol, event.case])).toEqual(
      ["subscribed", "snapshot", "delta", "heartbeat", "notice"].map((name) => [4711, "BTC-USD", name]),
    );
    const levels = {
      bids: [{ price: -5n, quantity: BigInt(Number.MAX_SAFE_INTEGER), orderCount: 3 }],
      asks: [{ price: 101n, quantity: 0n, orderCount: 0 }],
      sequence: BigInt(Number.MAX_SAFE_INTEGER),
      checksum: 0xffff_fff0,
      state: 3,
      sourceTimeUnixNanos: TIME,
      publishTimeUnixNanos: TIME + 1n,
    };
    expect(updates.map(({ event }) => event.value)).toMatchObject([
      {
        instrument: { symbol: "BTC-USD", priceScale: 2, quantityScale: 8, crossPolicy: 1, tickSize: 1n },
        depth: 20,
        intervalMs: 50,
        heartbeatIntervalMs: 1000,
        id: "mine",
        resumed: true,
      },
      { ...levels, epoch: 2n ** 63n },
      { ...levels, prevSequence: 7n, mergedIntervals: 2 },
      { epoch: 5n, sequence: 9n, publishTimeUnixNanos: TIME },
      { code: 1, detail: "why" },
    ]);
  });

  it("writes byte for byte what protobuf-es writes", () => {
    expectSameDialect(protoDialect, protobufEsDialect);
  });

  it("writes what protobuf-es writes, however many levels there are", () => {
    expectSameLongUpdates(protoDialect, protobufEsDialect);
  });

  it("leaves alone what it gave away", () => {
    expectPiecesKept(protoDialect, protobufEsDialect);
  });

  it("leaves out what has its default, of a level too, and writes an event that has nothing at all", () => {
    const nothing = { ...view, viewId: 0 };
    const level = depthWith([[0, 0, 0]], []).bids;
    const empty = {
      sequence: 0,
      bids: level,
      asks: { ...level, length: 0 },
      checksum: 0,
      state: BookState.open,
      sourceTimeLow: 0,
      sourceTimeHigh: 0,
      publishTimeUnixNanos: 0n,
      prevSequence: 0,
      mergedIntervals: 0,
    };
    expect(protoDialect.delta(nothing, empty)).toEqual(protobufEsDialect.delta(nothing, empty));
    const heartbeat = { epoch: 0n, sequence: 0, publishTimeUnixNanos: 0n };
    const piece = protoDialect.heartbeat(nothing, heartbeat);
    expect(piece).toEqual(protobufEsDialect.heartbeat(nothing, heartbeat));
    expect(fromBinary(SubscribeResponseSchema, piece).updates[0]?.event.case).toBe("heartbeat");
  });

  it("wraps pieces as a WebSocketResponse, whatever their length", () => {
    for (const count of [0, 1, 5, 500]) {
      const many = Array.from({ length: count }, (_, index) => pieces[index % pieces.length] as Uint8Array);
      const { message } = fromBinary(WebSocketResponseSchema, encodeWebSocketUpdates(many));
      expect(message.case).toBe("updates");
      expect((message.value as { updates: unknown[] }).updates.length).toBe(count);
    }
  });
});
