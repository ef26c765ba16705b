import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLimits } from "../../src/limits.ts";
import { jsonControl, protoControl } from "../../src/protocol/control-answers.ts";
import {
  WebSocketRequestSchema,
  WebSocketResponseSchema,
} from "../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import { readWebSocketRequest } from "../../src/protocol/websocket-request.ts";

const limits = createLimits();
const read = (bytes: Uint8Array) => readWebSocketRequest(bytes, limits);

function subscribe(fields: object): Uint8Array {
  const value = { symbol: "BTC-USD", id: "mine", ...fields };
  return toBinary(
    WebSocketRequestSchema,
    create(WebSocketRequestSchema, { op: { case: "subscribe", value } }),
  );
}

describe("what is asked for", () => {
  test("a subscription, with defaults and with a position", () => {
    expect(read(subscribe({}))).toEqual({
      op: "subscribe",
      subscription: { symbol: "BTC-USD", depth: 20, intervalMs: 50, resume: undefined, id: "mine" },
    });
    const full = { depth: 5, intervalMs: 0, resume: { epoch: 2n ** 64n - 1n, sequence: 2n ** 53n } };
    expect(read(subscribe(full))).toMatchObject({
      subscription: {
        depth: 5,
        intervalMs: 0,
        resume: { epoch: 2n ** 64n - 1n, sequence: Number.POSITIVE_INFINITY },
      },
    });
  });

  test("unsubscribe and ping", () => {
    const encode = (op: object) => toBinary(WebSocketRequestSchema, create(WebSocketRequestSchema, op));
    expect(read(encode({ op: { case: "unsubscribe", value: { viewId: 7 } } }))).toEqual({
      op: "unsubscribe",
      viewId: 7,
    });
    expect(read(encode({ op: { case: "ping", value: {} } }))).toEqual({ op: "ping" });
  });
});

describe("what is refused", () => {
  test("by the rules of subscriptions, with the id and the field", () => {
    const request = read(subscribe({ intervalMs: 51 }));
    expect(request).toMatchObject({ op: "refused", id: "mine", error: { code: "invalid_argument" } });
    expect(request.op === "refused" && request.error.message).toMatch(/interval_ms: 51/);
    expect(read(subscribe({ symbol: "" }))).toMatchObject({ error: { code: "not_found" } });
    expect(read(subscribe({ id: "x".repeat(65) }))).toMatchObject({ op: "refused", id: "" });
  });

  test("a request without an op, or with one of a later version", () => {
    expect(read(new Uint8Array())).toMatchObject({ op: "refused", error: { code: "invalid_argument" } });
    expect(read(Uint8Array.from([0x22, 0x00]))).toMatchObject({ op: "refused" });
  });
});

describe("what is no WebSocketRequest", () => {
  const cases: [string, Uint8Array][] = [
    ["JSON", Buffer.from('{"op":"ping"}')],
    ["a field cut off", Uint8Array.from([0x0a, 0x05, 0x0a])],
    ["a varint that never ends", new Uint8Array(64).fill(0xff)],
    ["text that is not UTF-8", Uint8Array.from([0x0a, 0x03, 0x0a, 0x01, 0xff])],
    ["groups without end", new Uint8Array(65_536).fill(0x2b)],
  ];
  test.each(cases)("%s", (_name, bytes) => {
    expect(read(bytes)).toMatchObject({ op: "malformed" });
  });

  test("no bytes make it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof read(bytes).op).toBe("string");
      }),
    );
  });
});

describe("answers that belong to no view", () => {
  test("in JSON", () => {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();
    expect(text(jsonControl.pong())).toBe('{"type":"pong"}');
    expect(text(jsonControl.unsubscribed(3))).toBe('{"type":"unsubscribed","viewId":3}');
    expect(text(jsonControl.error("a1", "not_found", 'unknown symbol "XYZ"'))).toBe(
      '{"type":"error","id":"a1","code":"not_found","message":"unknown symbol \\"XYZ\\""}',
    );
  });

  test("in protobuf", () => {
    const decode = (bytes: Uint8Array) => fromBinary(WebSocketResponseSchema, bytes).message;
    expect(decode(protoControl.pong()).case).toBe("pong");
    expect(decode(protoControl.unsubscribed(3))).toMatchObject({
      case: "unsubscribed",
      value: { viewId: 3 },
    });
    expect(decode(protoControl.error("a1", "not_found", "\ud800"))).toMatchObject({
      case: "error",
      value: { id: "a1", code: "not_found", message: "\ufffd" },
    });
  });
});
