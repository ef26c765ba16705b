import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimalFault, formatDecimal, parseDecimal } from "../../src/protocol/decimal.ts";

const MAX = Number.MAX_SAFE_INTEGER;
const mantissa = fc.oneof(
  fc.integer({ min: -MAX, max: MAX }),
  fc.constantFrom(0, 1, -1, 9, 10, MAX, -MAX, MAX - 1),
);
const scale = fc.integer({ min: 0, max: 15 });

/** By bigint arithmetic, the slow and obvious way. */
function formatByBigint(value: bigint, digits: number): string {
  const sign = value < 0n ? "-" : "";
  const magnitude = value < 0n ? -value : value;
  const unit = 10n ** BigInt(digits);
  const whole = `${sign}${magnitude / unit}`;
  return digits === 0 ? whole : `${whole}.${String(magnitude % unit).padStart(digits, "0")}`;
}

describe("formatDecimal", () => {
  test("writes the canonical form", () => {
    expect(formatDecimal(41_275, 2)).toBe("412.75");
    expect(formatDecimal(41_200, 2)).toBe("412.00");
    expect(formatDecimal(-5, 3)).toBe("-0.005");
    expect(formatDecimal(7, 0)).toBe("7");
    expect(formatDecimal(0, 8)).toBe("0.00000000");
    expect(formatDecimal(-0, 0)).toBe("0");
    expect(formatDecimal(-0, 2)).toBe("0.00");
    expect(formatDecimal(MAX, 15)).toBe("9.007199254740991");
  });

  test("agrees with bigint arithmetic", () => {
    fc.assert(
      fc.property(mantissa, scale, (value, digits) => {
        expect(formatDecimal(value, digits)).toBe(formatByBigint(BigInt(value), digits));
      }),
    );
  });
});

describe("parseDecimal", () => {
  test("reads back what formatDecimal wrote", () => {
    fc.assert(
      fc.property(mantissa, scale, (value, digits) => {
        expect(parseDecimal(formatDecimal(value, digits), digits)).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test("agrees with bigint arithmetic on any decimal text, to the edge of the range", () => {
    const digits = fc.stringMatching(/^[0-9]{1,20}$/);
    fc.assert(
      fc.property(fc.boolean(), digits, fc.option(digits), scale, (negative, whole, fraction, places) => {
        const text = `${negative ? "-" : ""}${whole}${fraction === null ? "" : `.${fraction}`}`;
        const kept = (fraction ?? "").slice(0, places).padEnd(places, "0");
        const isExact = !/[1-9]/.test((fraction ?? "").slice(places));
        const value = BigInt(whole + kept) * (negative ? -1n : 1n);
        const fits = value >= -BigInt(MAX) && value <= BigInt(MAX);
        const expected = isExact && fits ? Number(value) : undefined;
        expect(parseDecimal(text, places)).toBe(expected);
        if (expected === undefined) expect(decimalFault(text, places)).toMatch(/digits? after|outside/);
      }),
      { numRuns: 500 },
    );
  });

  test("refuses what is no plain decimal number", () => {
    const faulty = [
      "",
      "-",
      ".",
      "1.",
      ".5",
      "+1",
      "1e5",
      "0x1",
      " 1",
      "1 ",
      "1,0",
      "--1",
      "1.2.3",
      "NaN",
      "Infinity",
      "١",
    ];
    for (const text of faulty) {
      expect([text, parseDecimal(text, 2)]).toEqual([text, undefined]);
      expect(decimalFault(text, 2)).toBe("is not a decimal number");
    }
  });

  test("is not slowed by a long text", () => {
    expect(parseDecimal("0".repeat(1_000_000), 2)).toBe(0);
    expect(parseDecimal("9".repeat(1_000_000), 2)).toBeUndefined();
  });
});
