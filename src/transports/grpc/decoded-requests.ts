import type { Readable } from "node:stream";
import { invariant } from "../../errors.ts";
import type { RequestReader } from "./request-reader.ts";

/** A request stream as grpc-js decodes it: the way for compressed requests. */
export class DecodedRequests implements RequestReader {
  onReadable: () => void = () => {};
  readonly #stream: Readable;
  #over = false;

  constructor(stream: Readable) {
    this.#stream = stream;
    readNothingAhead(stream);
    stream.on("readable", () => this.onReadable());
    for (const event of ["end", "error", "close"]) stream.on(event, () => this.#end());
  }

  get over(): boolean {
    return this.#over;
  }

  read(): Buffer | undefined {
    if (this.#over) return undefined;
    return (this.#stream.read() as Buffer | null) ?? undefined;
  }

  stop(): void {
    this.#over = true;
  }

  #end(): void {
    this.#over = true;
    this.onReadable();
  }
}

/**
 * grpc-js makes its request streams with room for 16 messages, which may be 64 MiB, and has no option for
 * that. With a high-water mark of 0 a stream reads when it is asked to.
 */
function readNothingAhead(stream: Readable): void {
  // oxlint-disable-next-line no-underscore-dangle
  const state = (stream as unknown as { _readableState?: { highWaterMark: number } })._readableState;
  invariant(state !== undefined, "a readable stream has a state");
  state.highWaterMark = 0;
  invariant(stream.readableHighWaterMark === 0, "the high-water mark of a stream can be set");
}
