import { expect, test } from "vitest";
import { SeededHash, seededHash } from "../../src/book/seeded-hash.ts";

/** The greatest number of `values` that share one of as many buckets. */
function fullestBucket(hashes: readonly number[], buckets: number): number {
  const counts = new Uint32Array(buckets);
  for (const hash of hashes) counts[hash & (buckets - 1)]! += 1;
  return Math.max(...counts);
}

const COUNT = 2 ** 14;
const families: Record<string, (n: number) => readonly [low: number, high: number]> = {
  sequential: (n) => [n, 0],
  "stride 2^16": (n) => [n << 16, n >>> 16],
  "stride 2^20": (n) => [n << 20, n >>> 12],
  "stride 2^32, the same low word": (n) => [7, n],
  "high word in the top bits": (n) => [7, n << 18],
  "low word mirrored in the high one": (n) => [n, n],
  "differences in the top bits of both": (n) => [(n & 127) << 25, (n >> 7) << 25],
};

test.each(Object.entries(families))("ids that are %s spread over the buckets", (_, family) => {
  for (const seed of [0, 1, -1, 0x5eed]) {
    const hash = new SeededHash(seed);
    const hashes = Array.from({ length: COUNT }, (__, n) => hash.ofWords(...family(n)));
    // COUNT balls thrown into COUNT buckets at random have about 7 in the fullest.
    expect(fullestBucket(hashes, COUNT)).toBeLessThanOrEqual(12);
  }
});

test("ids made to collide under one seed do not under another", () => {
  const known = new SeededHash(1);
  const ids: number[] = [];
  for (let id = 1; ids.length < 200; id++) {
    if ((known.ofWords(id, 0) & 0xfff) === 0) ids.push(id);
  }
  const unknown = new SeededHash(2);
  const hashes = ids.map((id) => unknown.ofWords(id, 0));
  expect(fullestBucket(hashes, 4096)).toBeLessThanOrEqual(4);
});

test("each byte and the length of a key count, wherever the key stands", () => {
  const hash = new SeededHash(3);
  const seen = new Set<number>();
  for (let length = 1; length <= 64; length++) {
    const key = new Uint8Array(80).fill(0xee);
    key.fill(0, 5, 5 + length);
    seen.add(hash.ofBytes(key, 5, length));
    for (let at = 0; at < length; at++) {
      key[5 + at] = 1;
      seen.add(hash.ofBytes(key, 5, length));
      expect(hash.ofBytes(key.slice(5), 0, length)).toBe(hash.ofBytes(key, 5, length));
      key[5 + at] = 0;
    }
  }
  expect(seen.size).toBe(64 + (64 * 65) / 2);
});

test("keys that differ in one place spread over the buckets, and otherwise under another seed", () => {
  const keys = Array.from({ length: COUNT }, (_, n) =>
    Buffer.from(`0000${n.toString(16).padStart(8, "0")}-aaaa`),
  );
  const hashesUnder = (seed: number) => {
    const hash = new SeededHash(seed);
    return keys.map((key) => hash.ofBytes(key, 0, key.length));
  };
  expect(fullestBucket(hashesUnder(4), COUNT)).toBeLessThanOrEqual(12);
  const known = hashesUnder(4);
  const colliding = hashesUnder(5).filter((_, n) => (known[n]! & 63) === 0);
  expect(fullestBucket(colliding, 1024)).toBeLessThanOrEqual(8);
});

test("a seed always gives the same hash, and books share it", () => {
  expect(seededHash(6)).toBe(seededHash(6));
  expect(seededHash(7).ofWords(1, 2)).toBe(new SeededHash(7).ofWords(1, 2));
  expect(seededHash(6).ofWords(1, 2)).not.toBe(seededHash(7).ofWords(1, 2));
});
