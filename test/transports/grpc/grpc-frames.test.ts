import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GrpcFrames, putGrpcHeader } from "../../../src/transports/grpc/grpc-frames.ts";

const MESSAGE_BYTES_MAX = 1000;

function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.length);
  framed.set(message, putGrpcHeader(framed, 0, message.length));
  return framed;
}

/** All messages of a stream that comes in these chunks. */
function messagesOf(chunks: readonly Buffer[]): Buffer[] {
  const frames = new GrpcFrames(MESSAGE_BYTES_MAX);
  const messages: Buffer[] = [];
  for (const chunk of chunks) {
    frames.push(chunk);
    for (let message = frames.next(); message !== undefined; message = frames.next()) messages.push(message);
    expect(frames.hasBytes).toBe(false);
  }
  return messages;
}

describe("messages of a stream", () => {
  it("are the same however it is divided", () => {
    const message = fc.uint8Array({ maxLength: 40 });
    const cuts = fc.array(fc.nat(400), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), cuts, (messages, places) => {
        const stream = Buffer.concat(messages.map(frame));
        const ends = [...places.map((place) => place % (stream.length + 1)), 0, stream.length].toSorted(
          (a, b) => a - b,
        );
        const chunks = ends.slice(1).map((end, at) => stream.subarray(ends[at], end));
        expect(messagesOf(chunks)).toEqual(messages.map((bytes) => Buffer.from(bytes)));
      }),
    );
  });

  it("are not copied where they lie in one chunk", () => {
    const chunk = Buffer.concat([frame(Buffer.from("one")), frame(Buffer.from("two"))]);
    for (const message of messagesOf([chunk])) expect(message.buffer).toBe(chunk.buffer);
  });

  it("are whole or not there", () => {
    const framed = frame(Buffer.from("message"));
    for (let end = 0; end < framed.length; end++) expect(messagesOf([framed.subarray(0, end)])).toEqual([]);
  });
});

describe("refuses, as soon as the header has come,", () => {
  it.each([
    ["a message over the limit", [0, 0, 0, 3, 0xe9], "resource_exhausted", "1001"],
    ["the longest that a header can name", [0, 255, 255, 255, 255], "resource_exhausted", "4294967295"],
    ["a compressed one", [1, 0, 0, 0, 1], "invalid_argument", "grpc-encoding"],
  ])("%s", (_, header, code, message) => {
    for (const size of [1, 5]) {
      const frames = new GrpcFrames(MESSAGE_BYTES_MAX);
      const readAll = () => {
        for (let at = 0; at < header.length; at += size) {
          frames.push(Buffer.from(header.slice(at, at + size)));
          expect(frames.next()).toBeUndefined();
        }
      };
      expect(readAll).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
    }
  });

  it("but takes one at the limit", () => {
    expect(messagesOf([frame(Buffer.alloc(MESSAGE_BYTES_MAX))])).toHaveLength(1);
  });
});
