import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { type Consumer, type ConsumerSession, Dialect } from "../../broadcast/consumer.ts";
import type { Clock } from "../../clock.ts";
import type { DepthcastError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { SharedLayouts } from "../shared-layouts.ts";
import type { Frames } from "./frame-layout.ts";
import { InFlight } from "./in-flight.ts";
import { type CloseCode, closeCode } from "./status.ts";
import { frame, Opcode } from "./websocket-frame.ts";

export interface ConsumerMetrics {
  bytesSent(transport: "websocket", bytes: number): void;
  roundTrip(seconds: number): void;
}

interface WebSocketConsumerOptions {
  readonly socket: WebSocket;
  /** The stream under `socket`. Frames are written to it directly, never while `socket` is not open. */
  readonly stream: Socket;
  readonly dialect: Dialect;
  readonly frames: SharedLayouts<Frames>;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly metrics: ConsumerMetrics;
}

/** Answers to requests that may wait for the stream; beyond, no further request is looked at. */
const CONTROL_BYTES_MAX = 16 * 1024;
/** How long a client that was cut off has for the closing handshake. */
const FAREWELL_MS = 500;
/** A close reason has at most 123 bytes (RFC 6455, section 5.5.1). */
const CLOSE_REASON_BYTES_MAX = 123;
const NOTHING = Buffer.alloc(0);

/**
 * The sending half of one WebSocket. Writable is: open, nothing of ours waits for the kernel, and what was
 * sent and not answered by a pong is within `inFlightBytesMax`, so that a slow reader finds no old states
 * in front of the newest. A client that answers no ping stays unwritable, and is cut off for that.
 */
export class WebSocketConsumer implements Consumer {
  readonly dialect: Dialect;
  /** Called when answers may be sent again after `hasControlRoom` was false. */
  onControlRoom: () => void = () => {};
  readonly #socket: WebSocket;
  readonly #stream: Socket;
  readonly #frames: SharedLayouts<Frames>;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #metrics: ConsumerMetrics;
  readonly #inFlight: InFlight;
  #session: ConsumerSession | undefined;
  /** Writes whose completion is waited for. */
  #writesOutstanding = 0;
  #controlBytes = 0;
  #lastProgressMs: number;
  #lastPingMs: number;
  /** The newest ping of the client that waits for its pong: older ones need none (RFC 6455, 5.5.3). */
  #pongDue: Buffer | undefined;
  #pongOutstanding = false;

  constructor(options: WebSocketConsumerOptions) {
    this.dialect = options.dialect;
    this.#socket = options.socket;
    this.#stream = options.stream;
    this.#frames = options.frames;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#metrics = options.metrics;
    this.#inFlight = new InFlight(options.limits.inFlightBytesMax);
    this.#lastProgressMs = options.clock.nowMs();
    this.#lastPingMs = this.#lastProgressMs;
  }

  /** Ties the consumer to its session; before, and after `detach`, nobody hears of drains. */
  attach(session: ConsumerSession): void {
    this.#session = session;
  }

  /** The connection is gone, or given up. */
  detach(): void {
    this.#session = undefined;
  }

  isWritable(): boolean {
    return (
      this.#writesOutstanding === 0 &&
      this.#stream.writableLength === 0 &&
      this.#inFlight.hasRoom &&
      this.#isOpen
    );
  }

  send(pieces: readonly Uint8Array[]): boolean {
    if (!this.#isOpen) return false;
    const { buffers, byteLength } = this.#frames.of(pieces);
    this.#inFlight.sent(byteLength);
    this.#metrics.bytesSent("websocket", byteLength);
    this.#write(this.#inFlight.wantsPing ? [...buffers, this.#nextPing()] : buffers);
    return this.isWritable();
  }

  /** Whether a further request may be answered now. */
  get hasControlRoom(): boolean {
    return this.#controlBytes <= CONTROL_BYTES_MAX;
  }

  /** Sends the answer to a request. @param payload of one frame, in the consumer's dialect */
  sendControl(payload: Uint8Array): void {
    if (!this.#isOpen) return;
    const bytes = frame(this.dialect === Dialect.json ? Opcode.text : Opcode.binary, payload);
    this.#controlBytes += bytes.length;
    this.#writeTracked(bytes, () => {
      const hadRoom = this.hasControlRoom;
      this.#controlBytes -= bytes.length;
      if (!hadRoom && this.hasControlRoom) this.onControlRoom();
    });
  }

  /** Answers a ping of the client, one at a time. */
  answerPing(payload: Buffer): void {
    if (this.#pongOutstanding) {
      this.#pongDue = Buffer.from(payload);
      return;
    }
    if (!this.#isOpen) return;
    this.#pongOutstanding = true;
    this.#writeTracked(frame(Opcode.pong, payload), () => {
      this.#pongOutstanding = false;
      const due = this.#pongDue;
      this.#pongDue = undefined;
      if (due !== undefined) this.answerPing(due);
    });
  }

  /** A pong of the client. */
  pongReceived(payload: Buffer): void {
    const nowMs = this.#clock.nowMs();
    const hadRoom = this.#inFlight.hasRoom;
    const roundTripMs = this.#inFlight.pong(payload, nowMs);
    if (roundTripMs === undefined) return;
    this.#metrics.roundTrip(roundTripMs / 1000);
    this.#lastProgressMs = nowMs;
    if (!hadRoom && this.isWritable()) this.#session?.drained();
    else this.#session?.progressed();
  }

  /**
   * Looks after the connection from time to time: probes one that answers nothing, and gives up one that
   * has taken or answered nothing for `stallTimeoutMs`.
   */
  sweep(nowMs: number): void {
    if (!this.#isOpen) return;
    const { stallTimeoutMs } = this.#limits;
    const stuckMs = this.#writesOutstanding > 0 ? nowMs - this.#lastProgressMs : 0;
    if (Math.max(stuckMs, this.#inFlight.silenceMs(nowMs)) > stallTimeoutMs) {
      this.#session?.stalled();
      return;
    }
    const probeDue = nowMs - this.#lastPingMs > stallTimeoutMs / 4;
    if (probeDue && this.#inFlight.hasUnpinged && !this.#inFlight.isWaiting) {
      this.#write([this.#nextPing()]);
    }
  }

  cutOff(reason: DepthcastError, farewell: readonly Uint8Array[]): void {
    this.detach();
    if (this.#isOpen && farewell.length > 0) {
      this.#write(this.#frames.of(farewell).buffers);
    }
    this.close(closeCode(reason.code), reason.message);
    // Real time, whatever clock drives the books: a socket is closed by the kernel's.
    setTimeout(() => this.#socket.terminate(), FAREWELL_MS).unref();
  }

  /** Begins the closing handshake. */
  close(code: CloseCode, reason: string): void {
    if (this.#isOpen) this.#socket.close(code, fitReason(reason));
  }

  get #isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  #nextPing(): Buffer {
    const nowMs = this.#clock.nowMs();
    this.#lastPingMs = nowMs;
    return frame(Opcode.ping, this.#inFlight.ping(nowMs));
  }

  /** Most writes are taken by the kernel at once: these cost no callback. */
  #write(buffers: readonly Buffer[]): void {
    const stream = this.#stream;
    if (buffers.length === 1) stream.write(buffers[0] as Buffer);
    else {
      stream.cork();
      for (const buffer of buffers) stream.write(buffer);
      stream.uncork();
    }
    if (stream.writableLength > 0) this.#writeTracked(NOTHING, ignore);
  }

  /** Calls back, and the session, when the kernel has taken this and all before it. */
  #writeTracked(bytes: Buffer, onWritten: () => void): void {
    if (this.#writesOutstanding === 0) this.#lastProgressMs = this.#clock.nowMs();
    this.#writesOutstanding += 1;
    this.#stream.write(bytes, (error) => this.#written(error, onWritten));
  }

  #written(error: Error | null | undefined, onWritten: () => void): void {
    this.#writesOutstanding -= 1;
    // An error ends the connection, and that is where it is dealt with.
    if (error) return;
    this.#lastProgressMs = this.#clock.nowMs();
    onWritten();
    if (this.isWritable()) this.#session?.drained();
    else this.#session?.progressed();
  }
}

function ignore(): void {}

function fitReason(reason: string): string {
  if (Buffer.byteLength(reason) <= CLOSE_REASON_BYTES_MAX) return reason;
  return Buffer.from(reason)
    .subarray(0, CLOSE_REASON_BYTES_MAX)
    .toString("utf8")
    .replace(/\ufffd+$/, "");
}
