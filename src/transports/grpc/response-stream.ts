import type { ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
import type { DepthcastError } from "../../errors.ts";
import { statusOf } from "./status.ts";

/** The responses of a streaming call, as bytes. It ends once: by `end`, `fail` or `reset`. */
export class ResponseStream {
  readonly #call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;
  readonly #onEnded: (error: DepthcastError | undefined) => void;
  readonly #reset: () => void;
  #ended = false;

  constructor(
    call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
    onEnded: (error: DepthcastError | undefined) => void,
    reset: () => void,
  ) {
    this.#call = call;
    this.#onEnded = onEnded;
    this.#reset = reset;
  }

  /** Whether nothing that is written now could arrive. */
  get over(): boolean {
    return this.#ended || this.#call.cancelled;
  }

  /** Messages that wait, the one included that HTTP/2 has taken but not sent. */
  get queued(): number {
    return this.#call.writableLength;
  }

  /**
   * Queues a response. `written` is called when HTTP/2 has sent it, that is when the client's window has
   * taken it; never, if the call is over before.
   */
  write(response: Buffer, written: () => void): void {
    if (this.over) return;
    this.#call.write(response, (error?: Error | null) => {
      if (error === undefined || error === null) written();
    });
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
    this.#call.emit("error", statusOf(error));
  }

  /**
   * Ends the call at once, with what is queued unsent: the way for a stream that flow control holds. The
   * client sees RESOURCE_EXHAUSTED.
   */
  reset(error: DepthcastError): void {
    this.#close(error);
    this.#reset();
  }

  #close(error: DepthcastError | undefined): boolean {
    if (this.#ended) return false;
    this.#ended = true;
    this.#onEnded(error);
    return true;
  }
}
