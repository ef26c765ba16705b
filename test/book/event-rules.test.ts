import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isMultiple } from "../../src/book/event-rules.ts";

const isMultipleExactly = (value: number, unit: number): boolean => BigInt(value) % BigInt(unit) === 0n;

test("multiples are judged exactly, up to the largest numbers", () => {
  const unit = fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.maxSafeNat().map((n) => Math.max(1, n)),
  );
  const distance = fc.oneof(fc.constant(0), fc.integer({ min: -2, max: 2 }));
  fc.assert(
    fc.property(fc.maxSafeInteger(), unit, distance, (value, by, off) => {
      // Near a multiple, where a rounded quotient would deceive.
      const near = value - (value % by) + off;
      for (const number of [value, near].filter((n) => Number.isSafeInteger(n))) {
        expect(isMultiple(number, by)).toBe(isMultipleExactly(number, by));
      }
    }),
    { numRuns: 5000 },
  );
  for (let by = 1; by < 200; by++) {
    for (let off = 0; off < 200; off++) {
      const number = Number.MAX_SAFE_INTEGER - off;
      expect(isMultiple(number, by)).toBe(isMultipleExactly(number, by));
    }
  }
});
