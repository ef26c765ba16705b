import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLimits } from "../../src/limits.ts";
import { readJsonRequest } from "../../src/protocol/json-request.ts";

const limits = createLimits();
const read = (frame: unknown) =>
  readJsonRequest(Buffer.from(typeof frame === "string" ? frame : JSON.stringify(frame)), limits);

describe("what is asked for", () => {
  test("a full subscription", () => {
    const frame =
      '{"op":"subscribe","id":"a1","symbol":"BTC-USD","depth":20,"intervalMs":50,"resume":{"epoch":"1763800000000","sequence":"123"}}';
    expect(read(frame)).toEqual({
      op: "subscribe",
      subscription: {
        symbol: "BTC-USD",
        depth: 20,
        intervalMs: 50,
        resume: { epoch: 1_763_800_000_000n, sequence: 123 },
        id: "a1",
      },
    });
  });

  test("defaults, and keys that are not known", () => {
    expect(read({ op: "subscribe", symbol: "X", depth: 0, later: { on: true } })).toEqual({
      op: "subscribe",
      subscription: { symbol: "X", depth: 20, intervalMs: 50, resume: undefined, id: "" },
    });
    expect(read({ op: "subscribe", symbol: "X", intervalMs: 0 })).toMatchObject({
      subscription: { intervalMs: 0 },
    });
  });

  test("unsubscribe and ping", () => {
    expect(read({ op: "unsubscribe", viewId: 3 })).toEqual({ op: "unsubscribe", viewId: 3 });
    expect(read({ op: "ping" })).toEqual({ op: "ping" });
  });

  test("a sequence beyond what the server counts is known to nobody", () => {
    const resume = { epoch: "18446744073709551615", sequence: "9007199254740993" };
    expect(read({ op: "subscribe", symbol: "X", resume })).toMatchObject({
      subscription: { resume: { epoch: 2n ** 64n - 1n, sequence: Number.POSITIVE_INFINITY } },
    });
  });
});

describe("what is refused, naming the field", () => {
  const subscribe = { op: "subscribe", id: "mine", symbol: "X" };
  const cases: [name: string, frame: unknown, code: string, message: RegExp][] = [
    ["an array", [], "invalid_argument", /^request: /],
    ["a number", 1, "invalid_argument", /^request: /],
    ["null", null, "invalid_argument", /^request: /],
    ["no op", {}, "invalid_argument", /^op: /],
    ["an unknown op", { op: "buy" }, "invalid_argument", /^op: "buy" is not one of/],
    ["an op that is no text", { op: ["ping"] }, "invalid_argument", /^op: /],
    ["no symbol", { op: "subscribe" }, "invalid_argument", /^symbol: /],
    ["a symbol that is no text", { ...subscribe, symbol: 7 }, "invalid_argument", /^symbol: /],
    [
      "a symbol that cannot be",
      { ...subscribe, symbol: "a b" },
      "not_found",
      /^symbol: unknown symbol "a b"/,
    ],
    ["depth as text", { ...subscribe, depth: "20" }, "invalid_argument", /^depth: /],
    ["depth null", { ...subscribe, depth: null }, "invalid_argument", /^depth: /],
    ["half a depth", { ...subscribe, depth: 1.5 }, "invalid_argument", /^depth: /],
    ["a negative depth", { ...subscribe, depth: -1 }, "invalid_argument", /^depth: /],
    ["a huge depth", '{"op":"subscribe","symbol":"X","depth":1e999}', "invalid_argument", /^depth: .*1000/],
    ["depth over the limit", { ...subscribe, depth: 1001 }, "invalid_argument", /^depth: .*1000/],
    ["an odd interval", { ...subscribe, intervalMs: 51 }, "invalid_argument", /^intervalMs: /],
    ["interval as text", { ...subscribe, intervalMs: "50" }, "invalid_argument", /^intervalMs: /],
    ["resume as text", { ...subscribe, resume: "5" }, "invalid_argument", /^resume: /],
    [
      "resume without epoch",
      { ...subscribe, resume: { sequence: "5" } },
      "invalid_argument",
      /^resume\.epoch: /,
    ],
    [
      "epoch as number",
      { ...subscribe, resume: { epoch: 1, sequence: "5" } },
      "invalid_argument",
      /^resume\.epoch: /,
    ],
    [
      "a sequence over 64 bits",
      { ...subscribe, resume: { epoch: "1", sequence: "18446744073709551616" } },
      "invalid_argument",
      /^resume\.sequence: /,
    ],
    [
      "a signed sequence",
      { ...subscribe, resume: { epoch: "1", sequence: "-5" } },
      "invalid_argument",
      /^resume\.sequence: /,
    ],
    ["an id that is no text", { ...subscribe, id: 5 }, "invalid_argument", /^id: /],
    ["an id too long", { ...subscribe, id: "é".repeat(33) }, "invalid_argument", /^id: .*64 bytes/],
    ["no viewId", { op: "unsubscribe" }, "invalid_argument", /^viewId: /],
    ["viewId as text", { op: "unsubscribe", viewId: "3" }, "invalid_argument", /^viewId: /],
    ["viewId over 32 bits", { op: "unsubscribe", viewId: 2 ** 32 }, "invalid_argument", /^viewId: /],
    ["fields of the prototype", '{"__proto__":{"op":"ping"}}', "invalid_argument", /^op: /],
  ];
  test.each(cases)("%s", (_name, frame, code, message) => {
    const request = read(frame);
    if (request.op !== "refused") throw new Error(`taken as ${request.op}`);
    expect(request.error.code).toBe(code);
    expect(request.error.message).toMatch(message);
  });

  test("the refusal carries the client's id where it could be read", () => {
    expect(read({ ...subscribe, depth: "x" })).toMatchObject({ op: "refused", id: "mine" });
    expect(read({ ...subscribe, id: "x".repeat(65) })).toMatchObject({ op: "refused", id: "" });
  });

  test("a symbol of any length makes a short message", () => {
    const request = read({ ...subscribe, symbol: "\ud800".repeat(20_000) });
    if (request.op !== "refused") throw new Error("taken");
    expect(request.error.message.length).toBeLessThan(600);
  });
});

describe("what is not JSON", () => {
  test.each(["", " ", "{", "nope", '{"op":"ping"}}', "[".repeat(65_536), "\u0000"])("%j", (frame) => {
    expect(read(frame)).toEqual({ op: "malformed", reason: "a frame must be JSON" });
  });

  test("JSON nested as deep as a frame allows is refused like any other", () => {
    const depth = 30_000;
    expect(read("[".repeat(depth) + "]".repeat(depth))).toMatchObject({ op: "refused" });
    const inside = `{"op":"subscribe","symbol":"X","resume":${'{"a":'.repeat(9000)}1${"}".repeat(9000)}}`;
    expect(read(inside)).toMatchObject({ op: "refused" });
  });
});

test("nothing that is JSON makes it throw", () => {
  const keys = ["op", "symbol", "depth", "id", "resume", "viewId", "intervalMs"] as const;
  const frame = fc.dictionary(
    fc.constantFrom(...keys),
    fc.oneof(fc.constantFrom("subscribe", "ping"), fc.jsonValue()),
  );
  fc.assert(
    fc.property(fc.oneof(frame, fc.jsonValue()), (value) => {
      expect(read(JSON.stringify(value)).op).toMatch(/^(subscribe|unsubscribe|ping|refused)$/);
    }),
  );
});
