import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { DepthcastError, ErrorCode } from "../../src/errors.ts";
import { createLimits } from "../../src/limits.ts";
import { SubscriptionSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { decodeSubscription } from "../../src/protocol/subscription-codec.ts";

const limits = createLimits();

function decode(init: Parameters<typeof create<typeof SubscriptionSchema>>[1]) {
  return decodeSubscription(
    create(SubscriptionSchema, { symbol: "AMZN", ...init }),
    limits,
    "subscriptions[3]",
  );
}

function refusal(init: Parameters<typeof decode>[0]): DepthcastError {
  try {
    decode(init);
  } catch (thrown) {
    if (thrown instanceof DepthcastError) return thrown;
  }
  throw new Error("the subscription was taken");
}

describe("a subscription", () => {
  it("gets the defaults for what it leaves open", () => {
    expect(decode({})).toEqual({ symbol: "AMZN", depth: 20, intervalMs: 50, resume: undefined, id: "" });
  });

  it("keeps what it says, an interval of 0 included", () => {
    const request = decode({
      depth: 1000,
      intervalMs: 0,
      id: "x".repeat(64),
      resume: { epoch: 2n ** 64n - 1n, sequence: 12n },
    });
    expect(request).toMatchObject({
      depth: 1000,
      intervalMs: 0,
      resume: { epoch: 2n ** 64n - 1n, sequence: 12 },
    });
  });

  it("resumes from no wrong sequence: one over 2^53 - 1 is Infinity", () => {
    expect(decode({ resume: { epoch: 1n, sequence: 2n ** 53n } }).resume?.sequence).toBe(Infinity);
  });

  it.each([
    ["depth", { depth: 1001 }, "subscriptions[3].depth", "1000"],
    ["interval", { intervalMs: 15 }, "subscriptions[3].interval_ms", "0, 10, 20"],
    ["id", { id: "é".repeat(33) }, "subscriptions[3].id", "64"],
  ])("is refused for its %s, naming field and limit", (_, init, field, limit) => {
    const error = refusal(init);
    expect(error.code).toBe(ErrorCode.invalidArgument);
    expect(error.details.field).toBe(field);
    expect(error.message).toContain(field);
    expect(error.message).toContain(limit);
  });

  it.each(["", "no spaces", "x".repeat(33), "-first", "\ud800"])("knows no symbol %j", (symbol) => {
    expect(refusal({ symbol })).toMatchObject({
      code: ErrorCode.notFound,
      details: { field: "subscriptions[3].symbol" },
    });
  });
});
