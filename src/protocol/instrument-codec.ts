import { create } from "@bufbuild/protobuf";
import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { DESCRIPTION_BYTES_MAX, type Limits, MANTISSA_MAX, SYMBOL_PATTERN } from "../limits.ts";
import { CrossPolicy as WireCrossPolicy, InstrumentSchema } from "./gen/depthcast/v1/types_pb.ts";
import type { Instrument as WireInstrument } from "./gen/depthcast/v1/types_pb.ts";
import { quoteForeign, refusedField } from "./subscription.ts";

/**
 * The definition that a producer asks for, checked and with defaults filled in.
 *
 * @throws DepthcastError `invalid_argument` naming the field.
 */
export function decodeInstrument(wire: WireInstrument | undefined, limits: Limits): Instrument {
  if (wire === undefined) throw refusedField("instrument", "must be set");
  const { symbol, priceScale, quantityScale, description } = wire;
  if (!SYMBOL_PATTERN.test(symbol)) {
    throw refusedField("instrument.symbol", `${quoteForeign(symbol)} must match ${SYMBOL_PATTERN.source}`);
  }
  if (description.length > DESCRIPTION_BYTES_MAX || Buffer.byteLength(description) > DESCRIPTION_BYTES_MAX) {
    throw refusedField("instrument.description", `must have at most ${DESCRIPTION_BYTES_MAX} bytes`);
  }
  return {
    symbol,
    priceScale: checkedScale("price_scale", priceScale, limits),
    quantityScale: checkedScale("quantity_scale", quantityScale, limits),
    crossPolicy: checkedPolicy(wire.crossPolicy),
    tickSize: checkedMantissa("tick_size", wire.tickSize),
    lotSize: checkedMantissa("lot_size", wire.lotSize),
    description,
  };
}

export function encodeInstrument(instrument: Instrument): WireInstrument {
  return create(InstrumentSchema, {
    ...instrument,
    tickSize: BigInt(instrument.tickSize),
    lotSize: BigInt(instrument.lotSize),
  });
}

function checkedScale(name: string, scale: number, limits: Limits): number {
  if (scale <= limits.scaleMax) return scale;
  throw refusedField(`instrument.${name}`, `${scale} is not within 0 to ${limits.scaleMax} (scaleMax)`);
}

function checkedMantissa(name: string, mantissa: bigint): number {
  if (mantissa <= BigInt(MANTISSA_MAX)) return Number(mantissa);
  throw refusedField(`instrument.${name}`, `${mantissa} is over 2^53 - 1`);
}

function checkedPolicy(policy: WireCrossPolicy): CrossPolicy {
  switch (policy) {
    case WireCrossPolicy.UNSPECIFIED:
    case WireCrossPolicy.REJECT:
      return CrossPolicy.reject;
    case WireCrossPolicy.FLAG:
      return CrossPolicy.flag;
    default:
      throw refusedField("instrument.cross_policy", `${String(policy)} is not a CrossPolicy`);
  }
}
