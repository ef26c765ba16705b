import * as fc from "fast-check";
import { crc32 } from "node:zlib";
import { describe, expect, test } from "vitest";
import { addChecksum, levelChecksum, subtractChecksum } from "../../src/book/checksum.ts";
import { Side } from "../../src/book/order-events.ts";

function zlibChecksum(side: number, price: number, quantity: number): number {
  const bytes = Buffer.alloc(17);
  bytes.writeUInt8(side, 0);
  bytes.writeBigInt64LE(BigInt(price), 1);
  bytes.writeBigInt64LE(BigInt(quantity), 9);
  return crc32(bytes);
}

describe("levelChecksum", () => {
  test("gives the values of the example in PROTOCOL section 4", () => {
    const bid = levelChecksum(Side.bid, 100, 7);
    const ask = levelChecksum(Side.ask, 101, 3);
    expect(bid).toBe(0xa9fcf2e7);
    expect(ask).toBe(0xd0443608);
    expect(addChecksum(bid, ask)).toBe(0x7a4128ef);
  });

  test("is zlib's crc32 at the edges of the number range", () => {
    const edges = [
      0,
      1,
      255,
      256,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 32 + 1,
      2 ** 52,
      2 ** 53 - 1,
    ];
    for (const magnitude of edges) {
      for (const price of [magnitude, -magnitude]) {
        for (const quantity of edges) {
          for (const side of [Side.bid, Side.ask]) {
            const expected = zlibChecksum(side, price, quantity);
            expect(levelChecksum(side, price, quantity), `${side} ${price} ${quantity}`).toBe(expected);
          }
        }
      }
    }
  });

  test("is zlib's crc32 for any level", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(Side.bid, Side.ask),
        fc.maxSafeInteger(),
        fc.maxSafeNat(),
        (side, price, quantity) => {
          expect(levelChecksum(side, price, quantity)).toBe(zlibChecksum(side, price, quantity));
        },
      ),
      { numRuns: 5000 },
    );
  });
});

test("adding and subtracting stay uint32 and undo each other", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff), (sum, part) => {
      const added = addChecksum(sum, part);
      expect(added).toBe(Number((BigInt(sum) + BigInt(part)) % 0x1_0000_0000n));
      expect(subtractChecksum(added, part)).toBe(sum);
    }),
  );
});
