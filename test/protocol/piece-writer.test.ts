import { expect, test } from "vitest";
import { PieceWriter } from "../../src/protocol/piece-writer.ts";

function write(writer: PieceWriter, byteLength: number, fill: number): Buffer {
  const bytes = writer.begin(byteLength + 1);
  expect(bytes.length).toBeGreaterThan(byteLength);
  bytes.fill(fill, 1, byteLength + 1);
  return writer.finish(1, byteLength + 1);
}

test("a piece is a copy of exactly what was written, and stays as it is", () => {
  const writer = new PieceWriter();
  const lengths = [0, 1, 100, 2048, 2049, 7000, 300_000, 60, 1_000_000, 2000, 2000, 2000, 2000, 2000];
  const pieces = lengths.map((byteLength, index) => write(writer, byteLength, index));
  for (const [index, piece] of pieces.entries()) {
    expect(Buffer.compare(piece, Buffer.alloc(lengths[index] as number, index))).toBe(0);
  }
});

test("a piece that is kept keeps little else", () => {
  const writer = new PieceWriter();
  for (let byteLength = 1; byteLength < 10_000; byteLength += 37) {
    const piece = write(writer, byteLength, 1);
    expect(piece.buffer.byteLength).toBeLessThanOrEqual(Math.max(8192, byteLength));
  }
});

test("the room for a very large piece is given up after it", () => {
  const writer = new PieceWriter();
  const large = writer.begin(10_000_000);
  writer.finish(0, 1);
  const next = writer.begin(1);
  expect(next.length).toBeLessThanOrEqual(256 * 1024);
  expect(next.buffer).not.toBe(large.buffer);
});
