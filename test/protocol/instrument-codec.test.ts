import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { DepthcastError } from "../../src/errors.ts";
import { createLimits } from "../../src/limits.ts";
import { InstrumentSchema } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { decodeInstrument, encodeInstrument } from "../../src/protocol/instrument-codec.ts";

const limits = createLimits();

function decode(init: MessageInitShape<typeof InstrumentSchema>) {
  return decodeInstrument(create(InstrumentSchema, { symbol: "AMZN", ...init }), limits);
}

describe("decodeInstrument", () => {
  it("fills in REJECT, and gives back what it took", () => {
    const instrument = decode({ priceScale: 15, tickSize: 25n, lotSize: 2n ** 53n - 1n, description: "d" });
    expect(instrument).toEqual({
      symbol: "AMZN",
      priceScale: 15,
      quantityScale: 0,
      crossPolicy: CrossPolicy.reject,
      tickSize: 25,
      lotSize: Number.MAX_SAFE_INTEGER,
      description: "d",
    });
    expect(decodeInstrument(encodeInstrument(instrument), limits)).toEqual(instrument);
  });

  const wrong: [string, MessageInitShape<typeof InstrumentSchema>][] = [
    ["instrument.symbol", { symbol: "a b" }],
    ["instrument.price_scale", { priceScale: 16 }],
    ["instrument.quantity_scale", { quantityScale: 16 }],
    ["instrument.cross_policy", { crossPolicy: 9 as CrossPolicy }],
    ["instrument.tick_size", { tickSize: 2n ** 53n }],
    ["instrument.lot_size", { lotSize: 2n ** 64n - 1n }],
    ["instrument.description", { description: "é".repeat(129) }],
  ];
  it.each(wrong)("refuses a wrong %s by name", (field, init) => {
    expect(() => decode(init)).toThrow(DepthcastError);
    expect(() => decode(init)).toThrow(field);
  });

  it("refuses a request without an instrument", () => {
    expect(() => decodeInstrument(undefined, limits)).toThrow("instrument");
  });
});
