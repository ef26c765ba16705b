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
 * Most responses are taken long before the next is due. So that one is taken is asked when the next is, and
 * the transport has to tell it only where the answer was no, or where there is more to write.
 *
 * Closed until `open`, so that nothing is sent before all subscriptions of the request are taken.
 */
export class GrpcConsumer implements Consumer {
  readonly dialect = "proto";
  readonly #responses: ResponseStream;
  readonly #framedResponses: FramedResponses;
  readonly #responseBytesLimit: number;
  #responseBytesMax: number;
  readonly #onBytesSent: (byteLength: number) => void;
  #session: ConsumerSession | undefined;
  /** When the last response was written. */
  #beganMs = 0;
  /** The transport will tell when all is taken, and how long that took; until then it takes nothing. */
  #isAwaited = false;
  #rest: readonly Uint8Array[] = NOTHING;
  #restAt = 0;

  constructor(options: GrpcConsumerOptions) {
    this.#responses = options.responses;
    this.#framedResponses = options.framedResponses;
    this.#responseBytesLimit = options.responseBytesMax;
    this.#responseBytesMax = options.responseBytesMax;
    this.#onBytesSent = options.onBytesSent;
  }

  /** Lets the session send. */
  open(session: ConsumerSession): void {
    this.#session = session;
    session.drained();
  }

  isWritable(): boolean {
    if (this.#session === undefined || this.#responses.over) return false;
    if (this.#isAllTaken) return true;
    this.#awaitTaken();
    return false;
  }

  send(pieces: readonly Uint8Array[]): boolean {
    invariant(!this.#isAwaited, "a consumer is sent to only while it is writable");
    const nowMs = this.#nowMs();
    // All of the last one was taken, and that was no longer ago.
    if (nowMs - this.#beganMs <= SLOW_RESPONSE_MS) this.#responseBytesMax = this.#responseBytesLimit;
    if (pieces.length === 1) this.#write(pieces, nowMs);
    else {
      this.#rest = pieces;
      this.#restAt = 0;
      this.#writeNext(nowMs);
    }
    return false;
  }

  cutOff(reason: DepthcastError, farewell: readonly Uint8Array[]): void {
    const isAllTaken = this.#isAllTaken;
    this.#rest = NOTHING;
    if (!isAllTaken && reason.code !== ErrorCode.unavailable) {
      // Flow control holds the stream: a status would wait behind what is held.
      this.#responses.reset(reason);
      return;
    }
    if (isAllTaken && farewell.length > 0) this.#write(farewell, this.#nowMs());
    this.#responses.fail(reason);
  }

  get #isAllTaken(): boolean {
    return !this.#isAwaited && this.#responses.framedTaken;
  }

  /** Writes as many of the pieces left as one response may hold, at least one. */
  #writeNext(nowMs: number): void {
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
    this.#write(pieces, nowMs);
    if (this.#rest.length > 0) this.#awaitTaken();
  }

  #write(pieces: readonly Uint8Array[], nowMs: number): void {
    const framed = this.#framedResponses.of(pieces);
    this.#onBytesSent(framed.byteLength - GRPC_HEADER_BYTES);
    this.#beganMs = nowMs;
    this.#responses.writeFramed(framed);
    // How long a large one takes decides about the size of the next.
    if (framed.byteLength > SLOW_RESPONSE_BYTES_MAX) this.#awaitTaken();
  }

  #awaitTaken(): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#responses.onFramedTaken(this.#onTaken);
  }

  readonly #onTaken = (): void => {
    this.#isAwaited = false;
    const nowMs = this.#nowMs();
    const slowMax = Math.min(SLOW_RESPONSE_BYTES_MAX, this.#responseBytesLimit);
    this.#responseBytesMax = nowMs - this.#beganMs > SLOW_RESPONSE_MS ? slowMax : this.#responseBytesLimit;
    if (this.#rest.length > 0) {
      this.#writeNext(nowMs);
      this.#session?.progressed();
    } else this.#session?.drained();
  };

  #nowMs(): number {
    return this.#session?.nowMs() ?? 0;
  }
}

const NOTHING: readonly Uint8Array[] = [];
