import type { Readable } from "node:stream";
import { invariant } from "../../errors.ts";

/**
 * Takes the messages of a request stream one by one, and none before it is asked for: what is not asked
 * for stays in the HTTP/2 window, which holds the client back.
 */
export class RequestReader {
  readonly #stream: Readable;
  #waiting: ((message: Buffer | undefined) => void) | undefined;
  #over = false;

  constructor(stream: Readable) {
    this.#stream = stream;
    readNothingAhead(stream);
    stream.on("readable", () => this.#deliver());
    for (const event of ["end", "error", "close"]) stream.on(event, () => this.stop());
  }

  /** The next message; undefined when the client has half-closed, is gone, or after `stop`. */
  next(): Promise<Buffer | undefined> {
    invariant(this.#waiting === undefined, "one message is asked for at a time");
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#over) this.#answer(undefined);
      else this.#deliver();
    });
  }

  /** Reads no further. */
  stop(): void {
    this.#over = true;
    this.#answer(undefined);
  }

  #deliver(): void {
    if (this.#waiting === undefined) return;
    const message = this.#stream.read() as Buffer | null;
    if (message !== null) this.#answer(message);
  }

  #answer(message: Buffer | undefined): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(message);
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
