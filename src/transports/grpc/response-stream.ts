import type { ServerDuplexStream, ServerWritableStream } from "@grpc/grpc-js";
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
  #ended = false;
  #written = 0;
  #unsent = 0;
  #onSent: (() => void) | undefined;

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
    this.#written += 1;
    this.#unsent += 1;
    this.#call.write(response, (error?: Error | null) => {
      if (error !== undefined && error !== null) return;
      this.#unsent -= 1;
      written();
      if (this.#unsent === 0) this.#onSent?.();
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
    const tell = () => this.#call.emit("error", statusOf(error));
    if (this.#written === 0) {
      tell();
      return;
    }
    this.#onSent = () => systemClock.setTimer(ERROR_AFTER_MESSAGE_DELAY_MS, tell);
    if (this.#unsent === 0) this.#onSent();
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
