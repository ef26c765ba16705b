import type { Clock } from "../../clock.ts";
import type { Consumer, ConsumerSession } from "../../broadcast/consumer.ts";
import { type DepthcastError, ErrorCode, invariant } from "../../errors.ts";
import { encodeSubscribeResponse } from "../../protocol/proto-dialect.ts";
import { GRPC_HEADER_BYTES, putGrpcHeader } from "./grpc-frames.ts";
import { SharedLayouts } from "../shared-layouts.ts";
import type { ResponseStream } from "./response-stream.ts";

/**
 * That a response is being taken is seen only when all of it is. So a consumer that took longer than this
 * gets smaller ones, in which a little progress is seen, and is not mistaken for one that takes nothing.
 */
const SLOW_RESPONSE_MS = 1000;
const SLOW_RESPONSE_BYTES_MAX = 64 * 1024;

/** Responses with their gRPC headers, one buffer for all streams that are sent the same pieces. */
export type FramedResponses = SharedLayouts<Buffer>;

export function createFramedResponses(): FramedResponses {
  return new SharedLayouts(frameResponse);
}

/** A gRPC message: not compressed, its length in four bytes, and the response. */
function frameResponse(pieces: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(GRPC_HEADER_BYTES);
  const framed = encodeSubscribeResponse([header, ...pieces]);
  putGrpcHeader(framed, 0, framed.byteLength - GRPC_HEADER_BYTES);
  return framed;
}

export interface GrpcConsumerOptions {
  readonly clock: Pick<Clock, "nowMs">;
  readonly responses: ResponseStream;
  readonly framedResponses: FramedResponses;
  /** A flush is split between its pieces where a response would pass this. */
  readonly responseBytesMax: number;
  readonly onBytesSent: (byteLength: number) => void;
}

/**
 * A Subscribe stream as the broadcaster sees it. At most one response waits in the transport; what is left
 * of a flush that was split waits here, as the shared pieces.
 *
 * Closed until `open`, so that nothing is sent before all subscriptions of the request are taken.
 */
export class GrpcConsumer implements Consumer {
  readonly dialect = "proto";
  readonly #responses: ResponseStream;
  readonly #framedResponses: FramedResponses;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #responseBytesLimit: number;
  #responseBytesMax: number;
  readonly #onBytesSent: (byteLength: number) => void;
  #session: ConsumerSession | undefined;
  /** A response was written, and not all of it is taken yet. */
  #writing = false;
  #beganMs = 0;
  #rest: readonly Uint8Array[] = [];
  #restAt = 0;

  constructor(options: GrpcConsumerOptions) {
    this.#responses = options.responses;
    this.#framedResponses = options.framedResponses;
    this.#clock = options.clock;
    this.#responseBytesLimit = options.responseBytesMax;
    this.#responseBytesMax = options.responseBytesMax;
    this.#onBytesSent = options.onBytesSent;
    this.#responses.onFramedWritten = () => this.#written();
  }

  /** Lets the session send. */
  open(session: ConsumerSession): void {
    this.#session = session;
    session.drained();
  }

  isWritable(): boolean {
    return !this.#writing && this.#session !== undefined && !this.#responses.over;
  }

  send(pieces: readonly Uint8Array[]): void {
    invariant(!this.#writing, "a consumer is sent to only while it is writable");
    this.#rest = pieces;
    this.#restAt = 0;
    this.#writeNext();
  }

  cutOff(reason: DepthcastError, farewell: readonly Uint8Array[]): void {
    this.#rest = NOTHING;
    if (this.#writing && reason.code !== ErrorCode.unavailable) {
      // Flow control holds the stream: a status would wait behind what is held.
      this.#responses.reset(reason);
      return;
    }
    if (!this.#writing && farewell.length > 0) this.#write(farewell);
    this.#responses.fail(reason);
  }

  /** Writes as many of the pieces left as one response may hold, at least one. */
  #writeNext(): void {
    const first = this.#restAt;
    let byteLength = 0;
    let next = first;
    do {
      byteLength += this.#rest[next]?.byteLength ?? 0;
      next += 1;
    } while (
      next < this.#rest.length &&
      byteLength + (this.#rest[next]?.byteLength ?? 0) <= this.#responseBytesMax
    );
    const isWhole = first === 0 && next === this.#rest.length;
    const pieces = isWhole ? this.#rest : this.#rest.slice(first, next);
    if (next >= this.#rest.length) this.#rest = NOTHING;
    this.#restAt = next;
    this.#write(pieces);
  }

  #write(pieces: readonly Uint8Array[]): void {
    const framed = this.#framedResponses.of(pieces);
    this.#writing = true;
    this.#onBytesSent(framed.byteLength - GRPC_HEADER_BYTES);
    this.#beganMs = this.#clock.nowMs();
    this.#responses.writeFramed(framed);
  }

  #written(): void {
    this.#writing = false;
    const isSlow = this.#clock.nowMs() - this.#beganMs > SLOW_RESPONSE_MS;
    const slowMax = Math.min(SLOW_RESPONSE_BYTES_MAX, this.#responseBytesLimit);
    this.#responseBytesMax = isSlow ? slowMax : this.#responseBytesLimit;
    if (this.#rest.length > 0) {
      this.#writeNext();
      this.#session?.progressed();
    } else this.#session?.drained();
  }
}

const NOTHING: readonly Uint8Array[] = [];
