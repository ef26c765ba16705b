import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BookState, createDepth, type DepthSide } from "../../src/book/depth.ts";
import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";
import { instrumentJson, jsonDialect } from "../../src/protocol/json-dialect.ts";
import { NoticeCode } from "../../src/protocol/update-encoder.ts";
import {
  expectPiecesKept,
  expectSameDialect,
  expectSameLongUpdates,
} from "../support/expect-same-dialect.ts";
import { jsonTextDialect } from "../support/json-text-dialect.ts";

const BTC: Instrument = {
  symbol: "BTC-USD",
  priceScale: 2,
  quantityScale: 8,
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  description: "",
};
const view = { viewId: 3, instrument: BTC, depth: 20, intervalMs: 50 };

function side(...levels: readonly (readonly [price: number, quantity: number, orders: number])[]): DepthSide {
  const { bids } = createDepth(levels.length + 2);
  bids.length = levels.length;
  for (const [i, [price, quantity, orders]] of levels.entries()) {
    bids.price[i] = price;
    bids.quantity[i] = quantity;
    bids.orderCount[i] = orders;
  }
  return bids;
}

function words(nanos: bigint) {
  return { sourceTimeLow: Number(nanos & 0xffff_ffffn), sourceTimeHigh: Number(nanos >> 32n) };
}

const text = (piece: Uint8Array) => new TextDecoder("utf-8", { fatal: true }).decode(piece);

describe("the examples of the protocol, byte for byte", () => {
  test("subscribed", () => {
    const piece = jsonDialect.subscribed(view, { id: "a1", heartbeatIntervalMs: 1000, resumed: false });
    expect(text(piece)).toBe(
      '{"type":"subscribed","id":"a1","viewId":3,"symbol":"BTC-USD","depth":20,"intervalMs":50,"heartbeatIntervalMs":1000,"resumed":false,"instrument":{"symbol":"BTC-USD","priceScale":2,"quantityScale":8,"crossPolicy":"reject","tickSize":"0.01","lotSize":"0.00000001","description":""}}',
    );
  });

  test("snapshot", () => {
    const piece = jsonDialect.snapshot(view, {
      epoch: 1_763_800_000_000n,
      sequence: 125,
      bids: side([6_183_763, 378_826_000, 4]),
      asks: side([6_183_764, 154_698_000, 2]),
      checksum: 4_149_067_604,
      state: BookState.open,
      ...words(1_763_800_000_000_000_000n),
      publishTimeUnixNanos: 1_763_800_000_000_000_000n,
    });
    expect(text(piece)).toBe(
      '{"type":"snapshot","viewId":3,"symbol":"BTC-USD","epoch":"1763800000000","sequence":"125","bids":[["61837.63","3.78826000",4]],"asks":[["61837.64","1.54698000",2]],"checksum":4149067604,"state":"open","sourceTime":"1763800000000000000","publishTime":"1763800000000000000"}',
    );
  });

  test("delta", () => {
    const piece = jsonDialect.delta(view, {
      prevSequence: 125,
      sequence: 130,
      bids: side([6_183_763, 0, 0]),
      asks: side(),
      checksum: 178_589_332,
      state: BookState.open,
      ...words(1_763_800_000_050_000_000n),
      publishTimeUnixNanos: 1_763_800_000_050_000_000n,
      mergedIntervals: 1,
    });
    expect(text(piece)).toBe(
      '{"type":"delta","viewId":3,"symbol":"BTC-USD","prevSequence":"125","sequence":"130","bids":[["61837.63","0.00000000",0]],"asks":[],"checksum":178589332,"state":"open","sourceTime":"1763800000050000000","publishTime":"1763800000050000000","mergedIntervals":1}',
    );
  });

  test("heartbeat and notice", () => {
    const heartbeat = jsonDialect.heartbeat(view, {
      epoch: 1_763_800_000_000n,
      sequence: 130,
      publishTimeUnixNanos: 1_763_800_001_050_000_000n,
    });
    expect(text(heartbeat)).toBe(
      '{"type":"heartbeat","viewId":3,"symbol":"BTC-USD","epoch":"1763800000000","sequence":"130","publishTime":"1763800001050000000"}',
    );
    expect(text(jsonDialect.notice(view, { code: NoticeCode.resync, detail: "…" }))).toBe(
      '{"type":"notice","viewId":3,"symbol":"BTC-USD","code":"resync","detail":"…"}',
    );
    expect(text(jsonDialect.notice(view, { code: NoticeCode.slowConsumer, detail: "" }))).toContain(
      '"slow_consumer"',
    );
    expect(text(jsonDialect.notice(view, { code: NoticeCode.shutdown, detail: "" }))).toContain('"shutdown"');
  });
});

test("numbers at the edges: unknown and negative times, states, negative prices, the largest mantissa", () => {
  const piece = jsonDialect.snapshot(view, {
    epoch: 2n ** 64n - 1n,
    sequence: Number.MAX_SAFE_INTEGER,
    bids: side([-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 0xffff_ffff]),
    asks: side([-Number.MAX_SAFE_INTEGER, 1, 1]),
    checksum: 0xffff_ffff,
    state: BookState.locked,
    ...words(-1n),
    publishTimeUnixNanos: 0n,
  });
  expect(JSON.parse(text(piece))).toMatchObject({
    epoch: "18446744073709551615",
    sequence: "9007199254740991",
    bids: [["-90071992547409.91", "90071992.54740991", 4_294_967_295]],
    checksum: 4_294_967_295,
    state: "locked",
    sourceTime: "-1",
    publishTime: "0",
  });
});

test("a time of which the low word is zero is not unknown", () => {
  const content = {
    prevSequence: 1,
    sequence: 2,
    bids: side(),
    asks: side(),
    checksum: 0,
    state: BookState.crossed,
    publishTimeUnixNanos: 0n,
    mergedIntervals: 1,
  };
  const at = (nanos: bigint) => JSON.parse(text(jsonDialect.delta(view, { ...content, ...words(nanos) })));
  expect(at(1n << 32n)).toMatchObject({ sourceTime: "4294967296", state: "crossed" });
  expect(at(0n)).toMatchObject({ sourceTime: "0" });
});

test("text from strangers stays inside its string, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (foreign) => {
      const subscribed = jsonDialect.subscribed(
        { ...view, instrument: { ...BTC, description: foreign } },
        { id: foreign, heartbeatIntervalMs: 1, resumed: true },
      );
      expect(JSON.parse(text(subscribed))).toMatchObject({
        id: foreign,
        instrument: { description: foreign },
      });
      const notice = jsonDialect.notice(view, { code: NoticeCode.resync, detail: foreign });
      expect(JSON.parse(text(notice))).toMatchObject({ detail: foreign });
    }),
  );
});

test("an instrument with tick and lot size of its own", () => {
  const instrument = { ...BTC, crossPolicy: CrossPolicy.flag, tickSize: 50, lotSize: 1000, priceScale: 0 };
  expect(JSON.parse(instrumentJson(instrument))).toMatchObject({
    crossPolicy: "flag",
    tickSize: "50",
    lotSize: "0.00001000",
  });
});

describe("against the same text put together from strings", () => {
  test("equal byte for byte, whatever the numbers and scales", () => {
    expectSameDialect(jsonDialect, jsonTextDialect);
  });

  test("equal however many levels there are", () => {
    expectSameLongUpdates(jsonDialect, jsonTextDialect);
  });

  test("what was given away is left alone", () => {
    expectPiecesKept(jsonDialect, jsonTextDialect);
  });
});
