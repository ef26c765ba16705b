import { type ClientHttp2Session, connect } from "node:http2";
import { once } from "node:events";
import { answerCommands } from "../support/child-process.ts";
import type { LoadCommands } from "./rival.ts";

/** Many gRPC streams in one process, over plain HTTP/2: it counts messages by their headers. */

export interface GrpcLoadStart {
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly streams: number;
  /** The request of each stream, as a message. */
  readonly request: Uint8Array;
}

const HEADER_BYTES = 5;

answerCommands<LoadCommands>(async ({ port, path, connections, streams, request }: GrpcLoadStart) => {
  let bytes = 0;
  let messages = 0;
  const open = (session: ClientHttp2Session): Promise<unknown> => {
    const counter = new MessageCounter(() => {
      messages += 1;
    });
    const stream = session.request(
      { ":method": "POST", ":path": path, "content-type": "application/grpc+proto", te: "trailers" },
      { endStream: false },
    );
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      counter.take(chunk);
    });
    stream.end(withHeader(request));
    return once(stream, "response");
  };
  for (let index = 0; index < connections; index++) {
    const session = connect(`http://127.0.0.1:${port}`);
    await Promise.all(Array.from({ length: streams }, () => open(session)));
  }
  return { counts: () => Promise.resolve({ bytes, frames: messages }) };
});

/** Counts gRPC messages: a flag, the length in four bytes, and what is passed over. */
class MessageCounter {
  readonly #onMessage: () => void;
  #headerLength = 0;
  #length = 0;
  #left = 0;

  constructor(onMessage: () => void) {
    this.#onMessage = onMessage;
  }

  take(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, chunk.length - at);
        this.#left -= passed;
        at += passed;
        continue;
      }
      if (this.#headerLength > 0) this.#length = this.#length * 256 + chunk[at]!;
      this.#headerLength += 1;
      at += 1;
      if (this.#headerLength < HEADER_BYTES) continue;
      this.#left = this.#length;
      this.#headerLength = 0;
      this.#length = 0;
      this.#onMessage();
    }
  }
}

function withHeader(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(HEADER_BYTES + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, HEADER_BYTES);
  return framed;
}
