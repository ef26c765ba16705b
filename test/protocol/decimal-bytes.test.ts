import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatDecimal } from "../../src/protocol/decimal.ts";
import {
  DECIMAL_BYTES_MAX,
  putDecimal,
  putInt64,
  putUint64,
  putUnsigned,
} from "../../src/protocol/decimal-bytes.ts";
import { anyMantissa } from "../support/update-arbitraries.ts";

const bytes = Buffer.alloc(64);

/** What was written, from a place in the middle; the bytes around it must stay. */
function written(put: (at: number) => number): string {
  bytes.fill("~");
  const end = put(20);
  expect(bytes.toString("latin1", 0, 20)).toBe("~".repeat(20));
  expect(bytes.toString("latin1", end)).toBe("~".repeat(bytes.length - end));
  return bytes.toString("latin1", 20, end);
}

test("decimals are those of formatDecimal, at every scale, and as long as was promised at most", () => {
  const scale = fc.integer({ min: 0, max: 15 });
  fc.assert(
    fc.property(anyMantissa, scale, (mantissa, digits) => {
      const text = written((at) => putDecimal(bytes, at, mantissa, digits));
      expect(text).toBe(formatDecimal(mantissa, digits));
      expect(text.length).toBeLessThanOrEqual(DECIMAL_BYTES_MAX);
    }),
    { numRuns: 5000 },
  );
  expect(written((at) => putDecimal(bytes, at, -0, 3))).toBe("0.000");
  expect(written((at) => putDecimal(bytes, at, -0, 0))).toBe("0");
});

test("a quotient next to a whole number is not rounded up to it", () => {
  for (let scale = 1; scale <= 15; scale++) {
    const power = 10 ** scale;
    const whole = Math.floor(Number.MAX_SAFE_INTEGER / power);
    for (let step = 0; step < 50; step++) {
      const mantissa = (whole - step) * power - 1;
      if (mantissa < 0) break;
      expect(written((at) => putDecimal(bytes, at, mantissa, scale))).toBe(formatDecimal(mantissa, scale));
    }
  }
});

test("whole numbers", () => {
  fc.assert(
    fc.property(anyMantissa.map(Math.abs), (value) => {
      expect(written((at) => putUnsigned(bytes, at, value))).toBe(String(value));
    }),
  );
});

test("64-bit numbers in two words, signed and unsigned", () => {
  const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, -(2 ** 31), 2 ** 31 - 1, 1_000_000_000));
  fc.assert(
    fc.property(word, word, (low, high) => {
      const signed = (BigInt(high) << 32n) | BigInt(low >>> 0);
      expect(written((at) => putInt64(bytes, at, low, high))).toBe(String(signed));
      expect(written((at) => putUint64(bytes, at, low, high))).toBe(String(BigInt.asUintN(64, signed)));
    }),
    { numRuns: 2000 },
  );
});
