import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { DepthSide } from "../../src/book/depth.ts";
import {
  SubscribeResponseSchema,
  type UpdateSchema,
} from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { type Level, LevelSchema } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { encodeInstrument } from "../../src/protocol/instrument-codec.ts";
import type { UpdateEncoder, ViewIdentity, WindowContent } from "../../src/protocol/update-encoder.ts";
import { int64FromWords } from "../../src/protocol/wide-numbers.ts";

type UpdateEvent = NonNullable<MessageInitShape<typeof UpdateSchema>["event"]>;

/** What protobuf-es makes of the same updates: the oracle of the dialect that writes bytes itself. */
export const protobufEsDialect: UpdateEncoder = {
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
  snapshot: (view, content) =>
    encodePiece(view, {
      case: "snapshot",
      value: {
        epoch: content.epoch,
        sequence: BigInt(content.sequence),
        ...encodeWindow(content),
      },
    }),
  delta: (view, content) =>
    encodePiece(view, {
      case: "delta",
      value: {
        prevSequence: BigInt(content.prevSequence),
        sequence: BigInt(content.sequence),
        ...encodeWindow(content),
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

function encodePiece(view: ViewIdentity, event: UpdateEvent): Buffer {
  const response = create(SubscribeResponseSchema, {
    updates: [{ viewId: view.viewId, symbol: view.instrument.symbol, event }],
  });
  const bytes = toBinary(SubscribeResponseSchema, response);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function encodeWindow(content: WindowContent) {
  return {
    bids: encodeLevels(content.bids),
    asks: encodeLevels(content.asks),
    checksum: content.checksum,
    state: content.state,
    sourceTimeUnixNanos: int64FromWords(content.sourceTimeLow, content.sourceTimeHigh),
    publishTimeUnixNanos: content.publishTimeUnixNanos,
  };
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
