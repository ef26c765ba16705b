import * as fc from "fast-check";
import type { BookState, DepthSide } from "../../src/book/depth.ts";
import type { CrossPolicy } from "../../src/book/instrument.ts";
import { MANTISSA_MAX } from "../../src/limits.ts";
import type {
  DeltaContent,
  HeartbeatContent,
  SnapshotContent,
  ViewIdentity,
} from "../../src/protocol/update-encoder.ts";

const UINT32_MAX = 0xffff_ffff;
const MANTISSA_EDGES = [0, 1, -1, MANTISSA_MAX, -MANTISSA_MAX];

/** Where a number of the wire or its text gets one byte longer, with the numbers beside it. */
const lengthEdge = fc
  .tuple(
    fc.oneof(
      fc.integer({ min: 0, max: 53 }).map((bits) => 2 ** bits),
      fc.integer({ min: 0, max: 15 }).map((digits) => 10 ** digits),
    ),
    fc.constantFrom(-1, 0, 1),
    fc.constantFrom(1, -1),
  )
  .map(([edge, aside, sign]) => sign * (edge + aside));

export const anyMantissa = fc
  .oneof(fc.maxSafeInteger(), lengthEdge, fc.integer(), fc.constantFrom(...MANTISSA_EDGES))
  .filter(Number.isSafeInteger);
const anyQuantity = anyMantissa.map(Math.abs);
const anyUint32 = fc.oneof(
  fc.integer({ min: 0, max: UINT32_MAX }),
  anyQuantity.map((value) => Math.min(value, UINT32_MAX)),
);
const anyInt64 = fc.oneof(
  fc.constantFrom(0n, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  anyMantissa.map(BigInt),
);
const anyUint64 = anyInt64.map((value) => BigInt.asUintN(64, value));

/** A side with room to spare, of which what lies behind its length is no level. */
export function sideOf(
  levels: readonly (readonly [price: number, quantity: number, orders: number])[],
): DepthSide {
  const columns = [...levels, [-7, 7, 7], [9, 9, 9]];
  return {
    length: levels.length,
    price: Float64Array.from(columns, ([price = 0]) => price),
    quantity: Float64Array.from(columns, ([, quantity = 0]) => quantity),
    orderCount: Uint32Array.from(columns, ([, , orders = 0]) => orders),
  };
}

const anySide = fc.array(fc.tuple(anyMantissa, anyQuantity, anyUint32), { maxLength: 8 }).map(sideOf);

const anyWindow = fc
  .record({
    sequence: anyQuantity,
    bids: anySide,
    asks: anySide,
    checksum: anyUint32,
    state: fc.constantFrom<BookState>(1, 2, 3),
    sourceTime: anyInt64,
    publishTimeUnixNanos: anyInt64,
  })
  .map(({ sourceTime, ...window }) => ({
    ...window,
    sourceTimeLow: Number(BigInt.asIntN(32, sourceTime)),
    sourceTimeHigh: Number(sourceTime >> 32n),
  }));

export const anySnapshot: fc.Arbitrary<SnapshotContent> = fc
  .tuple(anyWindow, anyUint64)
  .map(([window, epoch]) => ({ ...window, epoch }));

export const anyDelta: fc.Arbitrary<DeltaContent> = fc
  .tuple(anyWindow, anyQuantity, anyUint32)
  .map(([window, prevSequence, mergedIntervals]) => ({ ...window, prevSequence, mergedIntervals }));

export const anyHeartbeat: fc.Arbitrary<HeartbeatContent> = fc.record({
  epoch: anyUint64,
  sequence: anyQuantity,
  publishTimeUnixNanos: anyInt64,
});

export const anyView: fc.Arbitrary<ViewIdentity> = fc.record({
  viewId: anyUint32,
  depth: fc.constantFrom(1, 1000),
  intervalMs: fc.constantFrom(0, 5000),
  instrument: fc.record({
    symbol: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,31}$/),
    priceScale: fc.integer({ min: 0, max: 15 }),
    quantityScale: fc.integer({ min: 0, max: 15 }),
    crossPolicy: fc.constantFrom<CrossPolicy>(1, 2),
    tickSize: fc.constant(0),
    lotSize: fc.constant(0),
    description: fc.string(),
  }),
});
