import type { ServerHttp2Stream } from "node:http2";
import { Metadata, type ServerDuplexStream, type ServerWritableStream } from "@grpc/grpc-js";
import { systemClock } from "../../clock.ts";
import type { DepthcastError } from "../../errors.ts";
import { statusOf } from "./status.ts";

/**
 * A grpc-js client that gets an error drops the messages that it has not given to its user yet; those of
 * other languages do not. So an error that follows a message leaves it this much time.
 */
const ERROR_AFTER_MESSAGE_DELAY_MS = 20;

/** The responses of a streaming call, as bytes. It ends once: by `end`, `fail` or `reset`. */
export class ResponseStream {
  readonly #call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;
  readonly #onEnded: (error: DepthcastError | undefined) => void;
  readonly #reset: () => void;
  readonly #http2: ServerHttp2Stream | undefined;
  #headersSent = false;
  #ended = false;
  #written = 0;
  #unsent = 0;
  #onSent: (() => void) | undefined;

  constructor(
    call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
    onEnded: (error: DepthcastError | undefined) => void,
    reset: () => void,
    http2?: ServerHttp2Stream,
  ) {
    this.#call = call;
    this.#onEnded = onEnded;
    this.#reset = reset;
    this.#http2 = http2;
  }

  /** Whether nothing that is written now could arrive. */
  get over(): boolean {
    return this.#ended || this.#call.cancelled;
  }

  /**
   * Queues a response. `written` is called when HTTP/2 has sent it, that is when the client's window has
   * taken it; never, if the call is over before.
   */
  write(response: Buffer, written: () => void): void {
    if (this.over) return;
    this.#written += 1;
    this.#unsent += 1;
    this.#call.write(response, (error?: Error | null) => this.#taken(error, written));
  }

  /**
   * As `write`, of a response with its gRPC header, which many calls may share. It goes to HTTP/2 without
   * grpc-js, which would copy it for each call: a stream has this or `write`, not both. Without `taken`, which
   * costs as much as all else of ours, that it is sent is seen by `framedTaken` or told by `onFramedTaken`.
   */
  writeFramed(framed: Buffer, taken?: () => void): void {
    const http2 = this.#http2;
    if (this.over || http2?.writable !== true) return;
    if (!this.#headersSent) {
      this.#headersSent = true;
      this.#call.sendMetadata(new Metadata());
    }
    this.#written += 1;
    if (taken === undefined) http2.write(framed);
    else http2.write(framed, unlessFailed(taken));
  }

  /**
   * Whether HTTP/2 has sent all that `writeFramed` was given, that is the client's window has taken it. False
   * as well where grpc-js has ended the stream by itself, as at a deadline.
   */
  get framedTaken(): boolean {
    const http2 = this.#http2;
    return http2?.writable === true && http2.writableLength === 0;
  }

  /** Calls back when `framedTaken` turns true; never, if the call is over before. */
  onFramedTaken(taken: () => void): void {
    if (this.#http2?.writable !== true) return;
    // Nothing to send: its callback comes behind that of what is queued, and no frame leaves for it.
    this.#http2.write(NO_BYTES, unlessFailed(taken));
  }

  /** Ends the call in good order, behind what is queued. */
  end(): void {
    if (!this.#close(undefined)) return;
    this.#call.end();
  }

  /** Ends the call with an error, behind what is queued. */
  fail(error: DepthcastError): void {
    if (!this.#close(error)) return;
    // grpc-js takes the status of a stream from an error event.
    const tell = () => this.#call.emit("error", statusOf(error));
    if (this.#written === 0) {
      tell();
      return;
    }
    const tellLater = () => void systemClock.setTimer(ERROR_AFTER_MESSAGE_DELAY_MS, tell);
    if (this.#unsent > 0) this.#onSent = tellLater;
    else if (this.#http2 !== undefined && this.#http2.writableLength > 0) this.onFramedTaken(tellLater);
    else tellLater();
  }

  /**
   * Ends the call at once, with what is queued unsent: the way for a stream that flow control holds. The
   * client sees RESOURCE_EXHAUSTED.
   */
  reset(error: DepthcastError): void {
    this.#close(error);
    this.#reset();
  }

  #taken(error: Error | null | undefined, written: () => void): void {
    if (error !== undefined && error !== null) return;
    this.#unsent -= 1;
    written();
    if (this.#unsent === 0) this.#onSent?.();
  }

  #close(error: DepthcastError | undefined): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#onEnded(error);
    return true;
  }
}

const NO_BYTES = Buffer.alloc(0);

function unlessFailed(task: () => void): (error?: Error | null) => void {
  return (error) => {
    if (error === undefined || error === null) task();
  };
}
