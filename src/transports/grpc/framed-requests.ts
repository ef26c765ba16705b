import type { Readable } from "node:stream";
import { GrpcFrames } from "./grpc-frames.ts";
import type { RequestReader } from "./request-reader.ts";

/**
 * A request stream straight from HTTP/2. grpc-js puts each message together in two copies and hands it on
 * through a promise and a second stream, which costs more than decoding and applying a small batch.
 *
 * Takes the stream's bytes away from grpc-js, which keeps everything else: headers, deadline, cancellation,
 * responses and status.
 */
export class FramedRequests implements RequestReader {
  onReadable: () => void = () => {};
  readonly #http2: Readable;
  readonly #frames: GrpcFrames;
  #stopped = false;
  #ended = false;
  #paused = true;

  /** Whether `http2` is as grpc-js leaves it: one listener for its bytes, and none given yet. */
  static canTake(http2: Readable): boolean {
    return http2.listenerCount("data") === 1 && http2.readableFlowing === false && !http2.readableDidRead;
  }

  /** @param messageBytesMax bytes of a message */
  constructor(http2: Readable, messageBytesMax: number) {
    this.#http2 = http2;
    this.#frames = new GrpcFrames(messageBytesMax);
    http2.removeAllListeners("data");
    http2.on("data", (chunk: Buffer) => this.#take(chunk));
    http2.on("end", () => this.#end());
    for (const event of ["error", "close"]) http2.on(event, () => this.#gone());
  }

  get over(): boolean {
    return this.#stopped || (this.#ended && !this.#frames.hasBytes);
  }

  read(): Buffer | undefined {
    if (this.#stopped) return undefined;
    const message = this.#frames.next();
    if (message === undefined && this.#paused) {
      this.#paused = false;
      this.#http2.resume();
    }
    return message;
  }

  stop(): void {
    this.#stopped = true;
  }

  #take(chunk: Buffer): void {
    // Once its call has ended, grpc-js lets flow by what still comes.
    if (this.#stopped) return;
    this.#frames.push(chunk);
    this.onReadable();
    if (!this.#frames.hasBytes || this.#stopped) return;
    this.#paused = true;
    this.#http2.pause();
  }

  #end(): void {
    this.#ended = true;
    this.onReadable();
  }

  #gone(): void {
    this.#stopped = true;
    this.onReadable();
  }
}
