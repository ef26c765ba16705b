import { expect, test } from "vitest";
import { RecordSegments } from "../../src/book/record-segments.ts";

const SEGMENT_BITS = 5;

/** Where the first word of a record is. */
function place(segments: RecordSegments, recordWords: number, slot: number): [Int32Array, number] {
  return [segments.words[slot >>> SEGMENT_BITS]!, (slot & (2 ** SEGMENT_BITS - 1)) * recordWords];
}

function recordOf(recordWords: number, word: number): number[] {
  return Array.from({ length: recordWords }, () => word);
}

test.each([1, 6, 16])("records of %d words stay as they are while segments are added", (recordWords) => {
  const segments = new RecordSegments(recordWords, SEGMENT_BITS, 4);
  const sizes = new Set<number>();
  for (let slot = 0; slot < 100; slot++) {
    segments.reserve(slot);
    const [words, at] = place(segments, recordWords, slot);
    expect(Array.from(words.subarray(at, at + recordWords))).toEqual(recordOf(recordWords, 0));
    words.fill(slot + 1, at, at + recordWords);
    sizes.add(segments.words[0]!.length / recordWords);
  }
  for (let slot = 0; slot < 100; slot++) {
    const [words, at] = place(segments, recordWords, slot);
    expect(Array.from(words.subarray(at, at + recordWords))).toEqual(recordOf(recordWords, slot + 1));
  }
  expect([...sizes]).toEqual([4, 8, 16, 32]);
  expect(segments.words.map(({ length }) => length / recordWords)).toEqual([32, 32, 32, 32]);
});

test("both views show the same memory, after growth too", () => {
  const segments = new RecordSegments(2, SEGMENT_BITS, 4);
  for (const slot of [0, 4, 40]) {
    segments.reserve(slot);
    segments.doubles[slot >>> SEGMENT_BITS]![0] = 2 ** -1074;
    expect(segments.words[slot >>> SEGMENT_BITS]![0]).toBe(1);
  }
});

test("a segment that is whole is not replaced; cleared, no memory is held", () => {
  const segments = new RecordSegments(2, SEGMENT_BITS, 4);
  for (let slot = 0; slot < 32; slot++) segments.reserve(slot);
  const [first] = segments.words;
  for (let slot = 32; slot < 64; slot++) segments.reserve(slot);
  expect(segments.words[0]).toBe(first);
  segments.clear();
  expect([segments.words.length, segments.doubles.length]).toEqual([0, 0]);
  segments.reserve(0);
  expect(segments.words[0]!.length).toBe(8);
});
