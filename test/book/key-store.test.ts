import { expect, test } from "vitest";
import { KeyStore } from "../../src/book/key-store.ts";
import { withSeed } from "../support/random.ts";

test("keys of all lengths are kept apart, and places are used again", async () => {
  await withSeed((random) => {
    const keys = new KeyStore();
    const live = new Map<number, Buffer>();
    const givenTwice: number[] = [];
    for (let step = 0; step < 3000; step++) {
      if (live.size > 0 && random.chance(45)) {
        const reference = random.pick([...live.keys()]);
        live.delete(reference);
        keys.release(reference);
      } else {
        const key = Buffer.from(Array.from({ length: random.between(1, 64) }, () => random.between(0, 255)));
        const padded = Buffer.concat([Buffer.from([1, 2, 3]), key, Buffer.from([9])]);
        const reference = keys.store(padded, 3, key.length);
        if (live.has(reference)) givenTwice.push(reference);
        live.set(reference, key);
      }
    }
    expect(givenTwice).toEqual([]);
    expect(keys.live).toBe(live.size);
    for (const [reference, key] of live) {
      expect(Buffer.from(keys.view(reference, key.length)).equals(key)).toBe(true);
      expect(keys.equals(reference, key, 0, key.length)).toBe(true);
      const other = Buffer.from(key);
      other[key.length - 1]! ^= 1;
      expect(keys.equals(reference, other, 0, key.length)).toBe(false);
    }
  });
});

test("a place that was freed is the next to be used, so churn does not grow it", () => {
  const keys = new KeyStore();
  const key = Buffer.from("0123456789abcdef0123456789abcdef0123");
  const references = new Set<number>();
  for (let turn = 0; turn < 1000; turn++) {
    const reference = keys.store(key, 0, key.length);
    references.add(reference);
    keys.release(reference);
  }
  expect(references.size).toBe(1);
  keys.clear();
  expect(keys.live).toBe(0);
});
