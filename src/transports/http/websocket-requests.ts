import type { WebSocket } from "ws";
import { type ConsumerSession, Dialect } from "../../broadcast/consumer.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Logger } from "../../observability/logger.ts";
import type { ClientRequest } from "../../protocol/client-request.ts";
import { type ControlEncoder, jsonControl, protoControl } from "../../protocol/control-answers.ts";
import { readJsonRequest } from "../../protocol/json-request.ts";
import type { SubscriptionRequest } from "../../protocol/subscription.ts";
import { readWebSocketRequest } from "../../protocol/websocket-request.ts";
import { RequestBacklog } from "./request-backlog.ts";
import { CloseCode, webSocketErrorCode } from "./status.ts";
import type { WebSocketConsumer } from "./websocket-consumer.ts";

export interface RequestMetrics {
  requestRefused(transport: "websocket"): void;
}

interface WebSocketRequestsOptions {
  readonly socket: WebSocket;
  readonly consumer: WebSocketConsumer;
  readonly session: ConsumerSession;
  readonly limits: Limits;
  readonly metrics: RequestMetrics;
  readonly logger: Logger;
}

/** Requests of one connection that are handled in one turn of the event loop; the next turn is others' too. */
const REQUESTS_PER_TURN_MAX = 64;
/** Frames of whatever kind that may come in one turn without the connection being made to rest. */
const FRAMES_PER_TURN_MAX = 64;
/** One read of a socket; more than that a turn would be up to 2 MiB at once. */
const BYTES_PER_TURN_MAX = 64 * 1024;
/**
 * What a connection that passes `FRAMES_PER_TURN_MAX` is held to, by not reading it for a while. One read
 * can bring ten thousand empty frames, some 10 ms of work: so ten such clients take 5 % of the thread.
 */
const FRAMES_PER_SECOND_MAX = 5000;
/** Waiting requests beyond which the socket is not read. What one read brought may come on top. */
const BACKLOG_BYTES_MAX = 16 * 1024;

/**
 * The receiving half of one WebSocket: takes requests in order, one at a time. A client that asks faster
 * than it reads the answers, or than its turn allows, is not read from until that has changed.
 */
export class WebSocketRequests {
  readonly #options: WebSocketRequestsOptions;
  readonly #encoder: ControlEncoder;
  readonly #isBinary: boolean;
  readonly #backlog = new RequestBacklog();
  readonly #viewIds = new Set<number>();
  #subscribing = false;
  #framesThisTurn = 0;
  #bytesThisTurn = 0;
  #handledThisTurn = 0;
  #turnEnds = false;
  #rest: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WebSocketRequestsOptions) {
    this.#options = options;
    this.#isBinary = options.consumer.dialect === Dialect.proto;
    this.#encoder = this.#isBinary ? protoControl : jsonControl;
    options.consumer.onControlRoom = () => this.#continue();
  }

  /** Whether the connection has a subscription, or may have one soon. */
  get hasSubscriptions(): boolean {
    return this.#subscribing || this.#viewIds.size > 0;
  }

  /** One message of the client. */
  receive(message: Buffer, isBinary: boolean): void {
    const { socket } = this.#options;
    if (this.#closed || socket.readyState !== socket.OPEN) return;
    if (isBinary !== this.#isBinary) {
      const rule = this.#isBinary ? "frames must be binary" : "frames must be text";
      this.#close(
        CloseCode.malformed,
        `${rule} in ${this.#isBinary ? "depthcast.v1.proto" : "depthcast.v1.json"}`,
      );
      return;
    }
    this.countFrame(message.length);
    if (this.#backlog.isEmpty && this.#mayHandle) this.#handle(message);
    else this.#backlog.push(message);
    this.#pauseOrResume();
  }

  /** A frame of whatever kind came in. Too much in a turn: the socket is not read for a while. */
  countFrame(payloadBytes: number): void {
    this.#framesThisTurn += 1;
    this.#bytesThisTurn += payloadBytes;
    this.#noticeTurnEnd();
    if (this.#isOverTurn) this.#pauseOrResume();
  }

  /** The connection has ended. */
  stop(): void {
    this.#closed = true;
    this.#backlog.clear();
    clearTimeout(this.#rest);
    this.#rest = undefined;
  }

  get #mayHandle(): boolean {
    return (
      !this.#closed &&
      !this.#subscribing &&
      this.#handledThisTurn < REQUESTS_PER_TURN_MAX &&
      this.#options.consumer.hasControlRoom
    );
  }

  get #isOverTurn(): boolean {
    return this.#framesThisTurn > FRAMES_PER_TURN_MAX || this.#bytesThisTurn > BYTES_PER_TURN_MAX;
  }

  #noticeTurnEnd(): void {
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(() => {
      const excessFrames = this.#framesThisTurn - FRAMES_PER_TURN_MAX;
      this.#turnEnds = false;
      this.#framesThisTurn = 0;
      this.#bytesThisTurn = 0;
      this.#handledThisTurn = 0;
      if (excessFrames > 0) this.#restFor((1000 * excessFrames) / FRAMES_PER_SECOND_MAX);
      this.#continue();
    });
  }

  #restFor(durationMs: number): void {
    if (this.#closed || this.#rest !== undefined) return;
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this.#pauseOrResume();
    }, durationMs).unref();
  }

  #continue(): void {
    while (this.#mayHandle) {
      const request = this.#backlog.shift();
      if (request === undefined) break;
      this.#handle(request);
    }
    this.#backlog.trim();
    this.#pauseOrResume();
  }

  #pauseOrResume(): void {
    const { socket } = this.#options;
    const tooMuch =
      !this.#closed &&
      (this.#rest !== undefined || this.#isOverTurn || this.#backlog.byteLength > BACKLOG_BYTES_MAX);
    if (tooMuch === socket.isPaused) return;
    if (tooMuch) socket.pause();
    else socket.resume();
  }

  #handle(message: Buffer): void {
    this.#handledThisTurn += 1;
    this.#noticeTurnEnd();
    try {
      this.#dispatch(message);
    } catch (thrown) {
      this.#options.logger.error({ err: thrown }, "a WebSocket request failed");
      this.#close(CloseCode.internal, "internal error");
    }
  }

  #dispatch(message: Buffer): void {
    const { limits, session, consumer } = this.#options;
    const request: ClientRequest = this.#isBinary
      ? readWebSocketRequest(message, limits)
      : readJsonRequest(message, limits);
    switch (request.op) {
      case "subscribe":
        void this.#subscribe(request.subscription);
        return;
      case "unsubscribe":
        this.#unsubscribe(request.viewId, session);
        return;
      case "ping":
        consumer.sendControl(this.#encoder.pong());
        return;
      case "refused":
        this.#refuse(request.id, request.error);
        return;
      case "malformed":
        this.#close(CloseCode.malformed, request.reason);
    }
  }

  async #subscribe(request: SubscriptionRequest): Promise<void> {
    this.#subscribing = true;
    try {
      this.#viewIds.add(await this.#options.session.subscribe(request));
    } catch (thrown) {
      this.#refuse(request.id, DepthcastError.from(thrown));
    }
    this.#subscribing = false;
    this.#continue();
  }

  #unsubscribe(viewId: number, session: ConsumerSession): void {
    this.#viewIds.delete(viewId);
    if (session.unsubscribe(viewId)) {
      this.#options.consumer.sendControl(this.#encoder.unsubscribed(viewId));
      return;
    }
    this.#options.metrics.requestRefused("websocket");
    this.#answerError("", "not_found", `viewId: no subscription to ${viewId} on this connection`);
  }

  #refuse(id: string, error: DepthcastError): void {
    this.#options.metrics.requestRefused("websocket");
    if (error.code === ErrorCode.internal) {
      this.#options.logger.error({ err: error }, "a WebSocket request failed");
      this.#answerError(id, webSocketErrorCode(error.code), "internal error");
      return;
    }
    this.#answerError(id, webSocketErrorCode(error.code), error.message);
  }

  #answerError(id: string, code: string, message: string): void {
    this.#options.consumer.sendControl(this.#encoder.error(id, code, message));
  }

  #close(code: CloseCode, reason: string): void {
    this.stop();
    this.#options.consumer.close(code, reason);
    this.#pauseOrResume();
  }
}
