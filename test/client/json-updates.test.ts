import { describe, expect, test } from "vitest";
import { readJsonFrame } from "../../src/client/json-updates.ts";
import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";

/** The frames of PROTOCOL section 5, as they stand there. */
const frames = {
  subscribed:
    '{"type":"subscribed","id":"a1","viewId":3,"symbol":"BTC-USD","depth":20,"intervalMs":50,"heartbeatIntervalMs":1000,"resumed":false,"instrument":{"symbol":"BTC-USD","priceScale":2,"quantityScale":8,"crossPolicy":"reject","tickSize":"0.01","lotSize":"0.00000001","description":""}}',
  snapshot:
    '{"type":"snapshot","viewId":3,"symbol":"BTC-USD","epoch":"1763800000000","sequence":"125","bids":[["61837.63","3.78826000",4]],"asks":[["61837.64","1.54698000",2]],"checksum":4149067604,"state":"open","sourceTime":"1763800000000000000","publishTime":"1763800000000000000"}',
  delta:
    '{"type":"delta","viewId":3,"symbol":"BTC-USD","prevSequence":"125","sequence":"130","bids":[["61837.63","0.00000000",0]],"asks":[],"checksum":178589332,"state":"open","sourceTime":"1763800000050000000","publishTime":"1763800000050000000","mergedIntervals":1}',
  heartbeat:
    '{"type":"heartbeat","viewId":3,"symbol":"BTC-USD","epoch":"1763800000000","sequence":"130","publishTime":"1763800001050000000"}',
  notice: '{"type":"notice","viewId":3,"symbol":"BTC-USD","code":"resync","detail":"…"}',
};

const instrument: Instrument = {
  symbol: "BTC-USD",
  priceScale: 2,
  quantityScale: 8,
  crossPolicy: CrossPolicy.reject,
  tickSize: 1,
  lotSize: 1,
  description: "",
};
const read = (text: string) => readJsonFrame(text, () => instrument);

describe("frames of the protocol", () => {
  test("are read", () => {
    expect(read(frames.subscribed)).toMatchObject({
      type: "subscribed",
      id: "a1",
      viewId: 3,
      depth: 20,
      instrument,
    });
    expect(read(frames.snapshot)).toMatchObject({
      epoch: 1763800000000n,
      sequence: 125,
      bids: [{ price: 6183763, quantity: 378826000, orderCount: 4 }],
      checksum: 4149067604,
      sourceTimeUnixNanos: 1763800000000000000n,
    });
    expect(read(frames.delta)).toMatchObject({
      prevSequence: 125,
      bids: [{ price: 6183763, quantity: 0 }],
      mergedIntervals: 1,
    });
    expect(read(frames.heartbeat)).toMatchObject({ type: "heartbeat", sequence: 130 });
    expect(read(frames.notice)).toMatchObject({ type: "notice", code: 1 });
    expect(read('{"type":"unsubscribed","viewId":3}')).toEqual({ type: "unsubscribed", viewId: 3 });
    expect(read('{"type":"error","id":"a1","code":"not_found","message":"unknown"}')).toMatchObject({
      id: "a1",
      error: { code: "not_found", message: "unknown" },
    });
    expect(read('{"type":"pong"}')).toBeUndefined();
  });

  test.each([
    ["a missing field", frames.delta.replace('"prevSequence":"125",', "")],
    ["a number that is no 64-bit integer", frames.delta.replace('"130"', '"1e3"')],
    ["a sequence beyond 2^53", frames.delta.replace('"130"', '"9007199254740993"')],
    ["a price of another scale", frames.snapshot.replace("61837.63", "61837.635")],
    ["a level that is none", frames.snapshot.replace('["61837.63","3.78826000",4]', "{}")],
    ["levels that are none", frames.delta.replace('"asks":[]', '"asks":{}')],
    ["an unknown state", frames.delta.replace('"open"', '"toString"')],
    ["what is no JSON", frames.delta.slice(0, -1)],
  ])("%s is a malformed frame of its view", (_name, text) => {
    expect(read(text)).toEqual({
      type: "malformed",
      viewId: 3,
      id: "",
      detail: expect.stringContaining("malformed frame"),
    });
  });

  test("an answer that cannot be read names the request", () => {
    const text = frames.subscribed.replace('"priceScale":2', '"priceScale":"2"');
    expect(read(text)).toMatchObject({ type: "malformed", viewId: 3, id: "a1" });
  });

  test.each(["1", "{", '{"type":"delta"}', '{"type":"error","code":"internal","message":"\\"viewId\\":7"'])(
    "%s says of no view, and is thrown",
    (text) => {
      expect(() => read(text)).toThrow("malformed frame");
    },
  );

  test("a view that was never subscribed is nobody's", () => {
    expect(readJsonFrame(frames.delta, () => undefined)).toBeUndefined();
  });
});
