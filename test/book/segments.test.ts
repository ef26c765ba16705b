import { expect, test } from "vitest";
import { placeIn, segmentOf, segmentSlots } from "../../src/book/segments.ts";

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
    expect([placeIn(start, firstBits), placeIn(end, firstBits)]).toEqual([0, slots - 1]);
    // In a segment whose length is a power of two the place is the slot's low bits as well.
    expect([start & (slots - 1), end & (slots - 1)]).toEqual([0, slots - 1]);
    start += slots;
  }
});
