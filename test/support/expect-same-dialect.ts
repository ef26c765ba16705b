import * as fc from "fast-check";
import { expect } from "vitest";
import { MANTISSA_MAX } from "../../src/limits.ts";
import type { DeltaContent, UpdateEncoder, ViewIdentity } from "../../src/protocol/update-encoder.ts";
import { anyDelta, anyHeartbeat, anySnapshot, anyView, sideOf } from "./update-arbitraries.ts";

/** Expects every snapshot, delta and heartbeat of `dialect` to be the oracle's, byte for byte. */
export function expectSameDialect(dialect: UpdateEncoder, oracle: UpdateEncoder): void {
  fc.assert(
    fc.property(anyView, anySnapshot, anyDelta, anyHeartbeat, (view, snapshot, delta, heartbeat) => {
      expectSameBytes(dialect.snapshot(view, snapshot), oracle.snapshot(view, snapshot));
      expectSameBytes(dialect.delta(view, delta), oracle.delta(view, delta));
      expectSameBytes(dialect.heartbeat(view, heartbeat), oracle.heartbeat(view, heartbeat));
    }),
    { numRuns: 1000 },
  );
}

/** The same for windows from one level to more than any scratch holds, all of it at its longest. */
export function expectSameLongUpdates(dialect: UpdateEncoder, oracle: UpdateEncoder): void {
  const view = longestView();
  for (const levels of [1, 20, 150, 1000, 6000, 20]) {
    const update = longestUpdate(levels);
    expectSameBytes(dialect.snapshot(view, update), oracle.snapshot(view, update));
    expectSameBytes(dialect.delta(view, update), oracle.delta(view, update));
  }
}

/** What was returned before must stay as it was, however much is encoded after it. */
export function expectPiecesKept(dialect: UpdateEncoder, oracle: UpdateEncoder): void {
  const view = longestView();
  const updates = Array.from({ length: 300 }, (_, index) => ({
    ...longestUpdate(index % 50),
    sequence: index,
  }));
  const pieces = updates.map((update) => dialect.delta(view, update));
  for (const [index, update] of updates.entries()) {
    expectSameBytes(pieces[index] as Uint8Array, oracle.delta(view, update));
  }
}

function expectSameBytes(piece: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(piece, expected) === 0) return;
  expect(Buffer.from(piece).toString("latin1")).toBe(Buffer.from(expected).toString("latin1"));
}

function longestView(): ViewIdentity {
  return {
    viewId: 0xffff_ffff,
    depth: 1000,
    intervalMs: 50,
    instrument: {
      symbol: "S".repeat(32),
      priceScale: 15,
      quantityScale: 15,
      crossPolicy: 1,
      tickSize: 0,
      lotSize: 0,
      description: "",
    },
  };
}

function longestUpdate(levels: number): DeltaContent & { readonly epoch: bigint } {
  const side = sideOf(
    Array.from({ length: levels }, () => [-MANTISSA_MAX, MANTISSA_MAX, 0xffff_ffff] as const),
  );
  return {
    epoch: 2n ** 64n - 1n,
    prevSequence: MANTISSA_MAX,
    sequence: MANTISSA_MAX,
    bids: side,
    asks: side,
    checksum: 0xffff_ffff,
    state: 3,
    sourceTimeLow: 0,
    sourceTimeHigh: -(2 ** 31),
    publishTimeUnixNanos: -(2n ** 63n),
    mergedIntervals: 0xffff_ffff,
  };
}
