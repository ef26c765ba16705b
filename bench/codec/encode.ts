import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BookState, type DepthSide } from "../../src/book/depth.ts";
import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { LevelSchema } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { jsonDialect } from "../../src/protocol/json-dialect.ts";
import { protoDialect } from "../../src/protocol/proto-dialect.ts";
import type { DeltaContent, ViewIdentity } from "../../src/protocol/update-encoder.ts";
import { MID_PRICE } from "../flows/flow-orders.ts";
import { expectOutcome } from "../support/benchmark.ts";
import { SeededRandom } from "../support/random.ts";
import type { Contestant } from "../support/turns.ts";

/** Levels of an update, both sides together. */
export const ENCODED_LEVELS = [5, 20, 100];

const UPDATES = 64;
const SEED = 7;
const instrument: Instrument = {
  symbol: "BTC-USD",
  priceScale: 2,
  quantityScale: 8,
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  description: "",
};
const view: ViewIdentity = { viewId: 1234, instrument, depth: 100, intervalMs: 50 };

/** Encoders of the same deltas of `levels` levels. */
export function updateEncoders(levels: number): (Contestant & { readonly bytes: number })[] {
  const random = new SeededRandom(SEED);
  const deltas = Array.from({ length: UPDATES }, (_, index) => createDelta(random, levels, index));
  const units = levels * UPDATES;
  const proto = protoDialect.delta(view, deltas[0]!);
  checkEncoded(proto, deltas[0]!);
  let sink = 0;
  const contestant = (name: string, encode: (delta: DeltaContent) => Uint8Array) => ({
    name,
    units,
    bytes: encode(deltas[0]!).byteLength,
    work: () => {
      for (const delta of deltas) sink += encode(delta).byteLength;
    },
  });
  return [
    contestant("depthcast", (delta) => protoDialect.delta(view, delta)),
    contestant("protobuf-es", encodeWithProtobufEs),
    contestant("depthcast, JSON", (delta) => jsonDialect.delta(view, delta)),
    contestant("JSON.stringify", encodeWithStringify),
  ];
}

function createDelta(random: SeededRandom, levels: number, index: number): DeltaContent {
  const bids = Math.ceil(levels / 2);
  return {
    prevSequence: 1_000_000 + index * 100,
    sequence: 1_000_100 + index * 100,
    bids: createSide(random, bids, -1),
    asks: createSide(random, levels - bids, 1),
    checksum: random.word() >>> 0,
    state: BookState.open,
    sourceTimeLow: random.word(),
    sourceTimeHigh: 410_000_000,
    publishTimeUnixNanos: 1_763_800_000_050_000_000n + BigInt(index),
    mergedIntervals: 1,
  };
}

function createSide(random: SeededRandom, length: number, direction: number): DepthSide {
  const price = Float64Array.from({ length }, (_, at) => MID_PRICE + direction * (at + 1));
  // A fifth of the entries are removals.
  const isRemoval = Array.from({ length }, () => random.unit() < 0.2);
  const quantity = Float64Array.from({ length }, (_, at) =>
    isRemoval[at] ? 0 : 1 + random.below(500_000_000),
  );
  const orderCount = Uint32Array.from({ length }, (_, at) => (isRemoval[at] ? 0 : 1 + random.below(40)));
  return { length, price, quantity, orderCount };
}

function encodeWithProtobufEs(delta: DeltaContent): Uint8Array {
  const response = create(SubscribeResponseSchema, {
    updates: [
      {
        viewId: view.viewId,
        symbol: instrument.symbol,
        event: {
          case: "delta",
          value: {
            prevSequence: BigInt(delta.prevSequence),
            sequence: BigInt(delta.sequence),
            bids: levelMessages(delta.bids),
            asks: levelMessages(delta.asks),
            checksum: delta.checksum,
            state: delta.state,
            sourceTimeUnixNanos: sourceTime(delta),
            publishTimeUnixNanos: delta.publishTimeUnixNanos,
            mergedIntervals: delta.mergedIntervals,
          },
        },
      },
    ],
  });
  return toBinary(SubscribeResponseSchema, response);
}

function levelMessages({ length, price, quantity, orderCount }: DepthSide) {
  return Array.from({ length }, (_, at) =>
    create(LevelSchema, {
      price: BigInt(price[at]!),
      quantity: BigInt(quantity[at]!),
      orderCount: orderCount[at]!,
    }),
  );
}

function encodeWithStringify(delta: DeltaContent): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      type: "delta",
      viewId: view.viewId,
      symbol: instrument.symbol,
      prevSequence: String(delta.prevSequence),
      sequence: String(delta.sequence),
      bids: levelTexts(delta.bids),
      asks: levelTexts(delta.asks),
      checksum: delta.checksum,
      state: "open",
      sourceTime: String(sourceTime(delta)),
      publishTime: String(delta.publishTimeUnixNanos),
      mergedIntervals: delta.mergedIntervals,
    }),
  );
}

function levelTexts({ length, price, quantity, orderCount }: DepthSide) {
  return Array.from({ length }, (_, at) => [
    (price[at]! / 100).toFixed(2),
    (quantity[at]! / 1e8).toFixed(8),
    orderCount[at]!,
  ]);
}

function sourceTime({ sourceTimeLow, sourceTimeHigh }: DeltaContent): bigint {
  return (BigInt(sourceTimeHigh) << 32n) | BigInt(sourceTimeLow >>> 0);
}

function checkEncoded(bytes: Uint8Array, delta: DeltaContent): void {
  const event = fromBinary(SubscribeResponseSchema, bytes).updates[0]?.event;
  expectOutcome(event?.case === "delta", "the update is a delta");
  const { bids, asks, sequence } = event.value;
  expectOutcome(Number(sequence) === delta.sequence, "its sequence");
  for (const [levels, side] of [
    [bids, delta.bids],
    [asks, delta.asks],
  ] as const) {
    const same = levels.every(
      ({ price, quantity }, at) => Number(price) === side.price[at] && Number(quantity) === side.quantity[at],
    );
    expectOutcome(same && levels.length === side.length, "its levels");
  }
}
