import { expect, test } from "vitest";
import { segmentOf, segmentSlots } from "../../src/book/segments.ts";

test.each([3, 4, 6])("with 2^%d slots first, segments double and hold all slots without gap", (firstBits) => {
  let start = 0;
  for (let segment = 0; segment < 12; segment++) {
    const slots = segmentSlots(segment, firstBits);
    expect(slots).toBe(segment === 0 ? 2 ** firstBits : start);
    expect([segmentOf(start, firstBits), segmentOf(start + slots - 1, firstBits)]).toEqual([
      segment,
      segment,
    ]);
    const end = start + slots - 1;
    expect([start & (slots - 1), end & (slots - 1)]).toEqual([0, slots - 1]);
    start += slots;
  }
});
