import { MANTISSA_MAX } from "../limits.ts";

/** Between the 64-bit numbers of the wire, which protobuf-es shows as bigint, and ours. */

/** A number of the wire as a double; Infinity where it is over 2^53 − 1, so that no wrong number passes. */
export function numberFromWire(value: bigint): number {
  return value > BigInt(MANTISSA_MAX) ? Infinity : Number(value);
}

/** Two 32-bit words as a signed 64-bit integer. */
export function int64FromWords(low: number, high: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0);
}
