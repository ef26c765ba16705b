import { once } from "node:events";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { FramedRequests } from "../../../src/transports/grpc/framed-requests.ts";
import { putGrpcHeader } from "../../../src/transports/grpc/grpc-frames.ts";

/** A stream as grpc-js leaves it, and what is read of it at each `onReadable`. */
function open(perTurn: number) {
  const stream = new PassThrough();
  const elsewhere: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => elsewhere.push(chunk));
  stream.pause();
  const requests = new FramedRequests(stream, 1000);
  const read: string[] = [];
  const readSome = (): void => {
    for (let left = perTurn; left > 0; left--) {
      const message = requests.read();
      if (message === undefined) return;
      read.push(message.toString());
    }
  };
  requests.onReadable = readSome;
  readSome();
  return { stream, elsewhere, requests, read, readSome };
}

function framed(...texts: readonly string[]): Buffer {
  return Buffer.concat(
    texts.map((text) => {
      const bytes = Buffer.alloc(5 + text.length);
      bytes.write(text, putGrpcHeader(bytes, 0, text.length));
      return bytes;
    }),
  );
}

const turn = () => new Promise(setImmediate);

it("takes the bytes away from the listener before it, and ends with the stream", async () => {
  const { stream, elsewhere, requests, read } = open(Infinity);
  stream.write(framed("a", "b"));
  stream.end(framed("c"));
  await once(stream, "end");
  expect(read).toEqual(["a", "b", "c"]);
  expect(elsewhere).toEqual([]);
  expect(requests.over).toBe(true);
});

it("leaves in the stream what is not asked for", async () => {
  const { stream, requests, read, readSome } = open(1);
  stream.write(framed("a", "b", "c"));
  await turn();
  stream.end(framed("d"));
  await turn();
  expect(read).toEqual(["a"]);
  expect(stream.isPaused()).toBe(true);
  expect(stream.readableLength).toBe(framed("d").length);
  for (let left = 5; left > 0; left--) {
    readSome();
    await turn();
  }
  expect(read).toEqual(["a", "b", "c", "d"]);
  expect(requests.over).toBe(true);
});

it("reads nothing after stop, nor once the stream is gone, and lets flow by what still comes", async () => {
  for (const end of ["stop", "destroy"] as const) {
    const { stream, requests, read } = open(1);
    stream.write(framed("a", "b"));
    await turn();
    if (end === "stop") requests.stop();
    else stream.destroy();
    await turn();
    expect(requests.read()).toBeUndefined();
    expect(requests.over).toBe(true);
    if (end === "stop") stream.resume().write(framed("c"));
    await turn();
    expect(read).toEqual(["a"]);
  }
});

it("is not for a stream that somebody else has begun to read", () => {
  const stream = new PassThrough();
  expect(FramedRequests.canTake(stream)).toBe(false);
  stream.on("data", () => {});
  expect(FramedRequests.canTake(stream)).toBe(false);
  stream.pause();
  expect(FramedRequests.canTake(stream)).toBe(true);
  stream.on("data", () => {});
  expect(FramedRequests.canTake(stream)).toBe(false);
});
