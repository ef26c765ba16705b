import { BinaryWriter } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  putFixed32,
  putVarint32,
  putVarint53,
  putVarint64,
  putZigZag53,
  varint32ByteLength,
} from "../../src/protocol/wire-bytes.ts";
import { anyMantissa } from "../support/update-arbitraries.ts";

const bytes = Buffer.alloc(32);

function written(put: (at: number) => number): Buffer {
  bytes.fill(0xaa);
  return Buffer.from(bytes.subarray(3, put(3)));
}

function expected(write: (writer: BinaryWriter) => BinaryWriter): Buffer {
  return Buffer.from(write(new BinaryWriter()).finish());
}

const anyUint32 = anyMantissa.map((value) => value >>> 0);

test("32-bit numbers, and how long they are", () => {
  fc.assert(
    fc.property(anyUint32, (value) => {
      const varint = written((at) => putVarint32(bytes, at, value));
      expect(varint).toEqual(expected((writer) => writer.uint32(value)));
      expect(varint32ByteLength(value)).toBe(varint.length);
      expect(written((at) => putFixed32(bytes, at, value))).toEqual(
        expected((writer) => writer.fixed32(value)),
      );
    }),
    { numRuns: 1000 },
  );
});

test("doubles that are safe integers", () => {
  fc.assert(
    fc.property(anyMantissa, (value) => {
      expect(written((at) => putZigZag53(bytes, at, value))).toEqual(
        expected((writer) => writer.sint64(BigInt(value))),
      );
      const magnitude = Math.abs(value);
      expect(written((at) => putVarint53(bytes, at, magnitude))).toEqual(
        expected((writer) => writer.uint64(BigInt(magnitude))),
      );
    }),
    { numRuns: 2000 },
  );
});

test("64-bit numbers in two words", () => {
  const word = fc.oneof(
    fc.integer(),
    fc.nat({ max: 31 }).map((bit) => 1 << bit),
    fc.constantFrom(0, -1),
  );
  fc.assert(
    fc.property(word, word, (low, high) => {
      const value = (BigInt(high) << 32n) | BigInt(low >>> 0);
      expect(written((at) => putVarint64(bytes, at, low, high))).toEqual(
        expected((writer) => writer.int64(value)),
      );
    }),
    { numRuns: 2000 },
  );
});
