import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { type Consumer, type ConsumerSession, Dialect } from "../../broadcast/consumer.ts";
import type { Clock } from "../../clock.ts";
import { DepthcastError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Logger } from "../../observability/logger.ts";
import type { SharedFrames } from "./frame-layout.ts";
import { CloseCode, closeCode } from "./status.ts";
import { type ConsumerMetrics, WebSocketConsumer } from "./websocket-consumer.ts";
import { type RequestMetrics, WebSocketRequests } from "./websocket-requests.ts";

export interface WebSocketMetrics extends ConsumerMetrics, RequestMetrics {
  consumerConnected(transport: "websocket"): void;
  consumerDisconnected(transport: "websocket"): void;
}

export interface WebSocketConnectionOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: WebSocketMetrics;
  readonly connect: (consumer: Consumer) => ConsumerSession;
}

/** What all connections of a server have in common. */
interface SharedParts {
  readonly frames: SharedFrames;
}

/** The subprotocols and what they mean. */
export const SUBPROTOCOLS = {
  "depthcast.v1.json": Dialect.json,
  "depthcast.v1.proto": Dialect.proto,
} as const satisfies Record<string, Dialect>;
export type Subprotocol = keyof typeof SUBPROTOCOLS;
export const SUBPROTOCOL_DEFAULT: Subprotocol = "depthcast.v1.json";

/** One accepted WebSocket, from the upgrade to its end. */
export class WebSocketConnection {
  readonly #socket: WebSocket;
  readonly #options: WebSocketConnectionOptions;
  readonly #consumer: WebSocketConsumer;
  readonly #requests: WebSocketRequests;
  #lastRequestMs: number;

  /**
   * @param socket just upgraded
   * @param stream the TCP stream under it
   * @param onClosed called once, when the socket is closed
   * @throws DepthcastError where the broadcaster takes no more consumers; the socket is closed then.
   */
  constructor(
    socket: WebSocket,
    stream: Socket,
    options: WebSocketConnectionOptions & SharedParts,
    onClosed: () => void,
  ) {
    const { frames, limits, clock, metrics, logger, connect } = options;
    this.#socket = socket;
    this.#options = options;
    this.#lastRequestMs = clock.nowMs();
    const dialect = Object.hasOwn(SUBPROTOCOLS, socket.protocol)
      ? SUBPROTOCOLS[socket.protocol as Subprotocol]
      : SUBPROTOCOLS[SUBPROTOCOL_DEFAULT];
    const consumer = new WebSocketConsumer({
      socket,
      stream,
      dialect,
      frames: frames[dialect],
      limits,
      clock,
      metrics,
    });
    const session = connectOrClose(connect, consumer);
    const requests = new WebSocketRequests({ socket, consumer, session, limits, metrics, logger });
    this.#consumer = consumer;
    this.#requests = requests;
    consumer.attach(session);
    metrics.consumerConnected("websocket");

    socket.on("message", (data, isBinary) => {
      this.#lastRequestMs = clock.nowMs();
      requests.receive(data as Buffer, isBinary);
    });
    socket.on("ping", (payload) => {
      this.#lastRequestMs = clock.nowMs();
      requests.countFrame(payload.length);
      consumer.answerPing(payload);
    });
    socket.on("pong", (payload) => {
      requests.countFrame(payload.length);
      consumer.pongReceived(payload);
    });
    socket.once("close", () => {
      requests.stop();
      consumer.detach();
      session.close();
      metrics.consumerDisconnected("websocket");
      onClosed();
    });
  }

  /** Closes what is idle, probes and gives up what takes nothing. Called about once a second. */
  sweep(nowMs: number): void {
    const { idleTimeoutMs } = this.#options.limits;
    if (!this.#requests.hasSubscriptions && nowMs - this.#lastRequestMs > idleTimeoutMs) {
      this.#consumer.close(
        CloseCode.normal,
        `idle: no subscription and no request for ${idleTimeoutMs} ms (idleTimeoutMs)`,
      );
      return;
    }
    this.#consumer.sweep(nowMs);
  }

  /** The server stops. */
  goAway(): void {
    this.#consumer.close(CloseCode.goingAway, "the server stops: connect elsewhere");
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

function connectOrClose(
  connect: (consumer: Consumer) => ConsumerSession,
  consumer: WebSocketConsumer,
): ConsumerSession {
  try {
    return connect(consumer);
  } catch (thrown) {
    const error = DepthcastError.from(thrown);
    consumer.close(closeCode(error.code), error.message);
    throw error;
  }
}
