import * as fc from "fast-check";
import { expect, test } from "vitest";
import { TextCache } from "../../src/protocol/text-cache.ts";

test("gives the text of the bytes, however many others share its slot", () => {
  const cache = new TextCache();
  const ascii = fc.string({ unit: "binary-ascii", maxLength: 64 });
  fc.assert(
    fc.property(fc.array(ascii, { minLength: 50, maxLength: 200 }), (texts) => {
      for (const text of [...texts, ...texts]) {
        const bytes = Buffer.from(`<${text}>`);
        expect(cache.read(bytes, 1, bytes.length - 1)).toBe(text);
      }
    }),
    { numRuns: 20 },
  );
});

test("leaves to others what is long or not ASCII", () => {
  const cache = new TextCache();
  expect(cache.read(Buffer.alloc(65, "k"), 0, 65)).toBeUndefined();
  expect(cache.read(Buffer.alloc(64, "k"), 0, 64)).toBe("k".repeat(64));
  const latin = Buffer.from("BTC-é");
  expect(cache.read(latin, 0, latin.length)).toBeUndefined();
  expect(cache.read(latin, 0, 4)).toBe("BTC-");
});
