import type { Writable } from "node:stream";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as ws from "ws";
import { Dialect } from "../../../src/broadcast/consumer.ts";
import { WebSocketResponseSchema } from "../../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import { layOutFrames } from "../../../src/transports/http/frame-layout.ts";

/** The receiving half of a WebSocket; exported by `ws`, missing from its types. */
const { Receiver } = ws as unknown as {
  Receiver: new (options: { isServer: boolean; allowSynchronousEvents: boolean }) => Writable;
};

/** What a client makes of the bytes, by the receiving half of `ws`. */
function messages(buffers: readonly Buffer[]): { data: Buffer; isBinary: boolean }[] {
  const received: { data: Buffer; isBinary: boolean }[] = [];
  const receiver = new Receiver({ isServer: false, allowSynchronousEvents: true });
  receiver.on("message", (data: Buffer, isBinary: boolean) =>
    received.push({ data: Buffer.from(data), isBinary }),
  );
  receiver.on("error", (error: Error) => {
    throw error;
  });
  for (const buffer of buffers) receiver.write(buffer);
  return received;
}

const text = (length: number) => Buffer.alloc(length, "a");

test("JSON: each piece is one text frame, at every length of header", () => {
  const lengths = [0, 1, 125, 126, 65_535, 65_536, 16 * 1024, 16 * 1024 + 1, 3];
  const pieces = lengths.map((length) => text(length));
  const received = messages(layOutFrames(Dialect.json, pieces, 1 << 20));
  expect(received.map((message) => message.data.length)).toEqual(lengths);
  expect(received.every((message) => !message.isBinary)).toBe(true);
});

/** One `updates` entry with a symbol of the given length. */
function updatePiece(viewId: number, symbolLength: number): Uint8Array {
  const body = Buffer.concat([Buffer.from([0x08, viewId, 0x12]), varint(symbolLength), text(symbolLength)]);
  return Buffer.concat([Buffer.from([0x0a]), varint(body.length), body]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

test("binary: the pieces of a flush are one response, split where it would pass the limit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 4096, max: 200_000 }),
      (lengths, bytesMax) => {
        const pieces = lengths.map((length, index) => updatePiece(index + 1, length));
        const received = messages(layOutFrames(Dialect.proto, pieces, bytesMax));
        const responses = received.map((message) => {
          expect(message.isBinary).toBe(true);
          const { message: content } = fromBinary(WebSocketResponseSchema, message.data);
          if (content.case !== "updates") throw new Error(`a ${content.case}`);
          return content.value.updates;
        });
        expect(responses.flat().map((update) => update.viewId)).toEqual(pieces.map((_, index) => index + 1));
        let next = 0;
        for (const updates of responses) {
          const sizes = updates.map((_, index) => (pieces[next + index] as Uint8Array).length);
          const bytes = sizes.reduce((sum, size) => sum + size, 0);
          if (updates.length > 1) expect(bytes).toBeLessThanOrEqual(bytesMax);
          next += updates.length;
          // No needless split: the next piece would not have fitted.
          const following = pieces[next];
          if (following !== undefined) expect(bytes + following.length).toBeGreaterThan(bytesMax);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("shared pieces are left as they are", () => {
  const piece = updatePiece(1, 100);
  const before = Buffer.from(piece);
  for (const buffer of layOutFrames(Dialect.proto, [piece, piece], 1 << 20)) buffer.fill(0);
  expect(Buffer.compare(piece, before)).toBe(0);
});
