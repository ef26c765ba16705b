import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { constants, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Metadata } from "@grpc/grpc-js";
import type { Clock, Timer } from "../../clock.ts";
import { DepthcastError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Admission, ConnectionLease } from "../admission.ts";
import type { Connection, OpenStream } from "./connection.ts";
import type { GrpcLogger } from "./grpc-metrics.ts";

/** How often deadlines are looked at: no more exact than they need to be, and one timer for all. */
const SWEEP_INTERVAL_MS = 250;
/** Connections over the limit that are let in to be told so; those beyond are closed without a word. */
const REFUSED_CONNECTIONS_MAX = 64;
/** How long such a connection has. */
const REFUSED_CONNECTION_MS = 2000;
/** How long a client may take to close its side of a call that is answered. */
const HALF_CLOSE_TIMEOUT_MS = 1000;
/** PING and SETTINGS frames of one connection in one sweep; clients that probe the bandwidth send many. */
const CONTROL_FRAMES_MAX = 1000;
/** Bytes before the first request: preface, settings and its headers take far less. */
const BYTES_BEFORE_REQUEST_MAX = 256 * 1024;
/** What a producer may have under way: the default of 64 KiB is soon used up on a longer way. */
const INGEST_WINDOW_BYTES = 1024 * 1024;
/** Connections that get this window; beyond it, the memory that unread windows may take matters more. */
const WIDE_WINDOWS_MAX = 64;

/** Requests get the number of their HTTP/2 stream under this name, whatever the client sent there. */
const STREAM_HEADER = "depthcast-stream";
const INGEST_PATH_PREFIX = "/depthcast.v1.IngestService/Ingest";
const CONNECTION = Symbol("depthcast gRPC connection");

type MarkedSocket = Socket & { [CONNECTION]?: Connection };

export interface GrpcConnectionsOptions {
  readonly admission: Admission;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: GrpcLogger;
  /** Hands a socket to the gRPC server. */
  readonly inject: (socket: Socket) => void;
}

/**
 * All connections of a gRPC server: counts them in, closes those that make no request, that have nothing
 * open or that flood, bounds how long a request may take to arrive and an answer to be taken, and finds
 * the HTTP/2 stream of a call.
 *
 * grpc-js shows neither session nor stream. The HTTP/2 streams are learned from Node's diagnostics channel,
 * which also lets us write a number into the request's headers before grpc-js sees them.
 */
export class GrpcConnections {
  readonly #options: GrpcConnectionsOptions;
  readonly #connections = new Set<Connection>();
  readonly #streams = new Map<string, OpenStream>();
  #nextStream = 1;
  #refusedConnections = 0;
  #wideWindows = 0;
  #sweepTimer: Timer;
  #onEmpty: (() => void) | undefined;

  constructor(options: GrpcConnectionsOptions) {
    this.#options = options;
    subscribe("http2.server.stream.created", this.#onStreamCreated);
    this.#sweepTimer = this.#scheduleSweep();
  }

  /** Takes a socket that was just accepted. */
  accept(socket: Socket): void {
    // Without it an error of the socket before HTTP/2 listens would end the process.
    socket.on("error", () => {});
    const admitted = this.#admit();
    if (admitted === undefined) {
      socket.destroy();
      return;
    }
    const now = this.#options.clock.nowMs();
    const connection: Connection = {
      socket,
      ...admitted,
      acceptedMs: now,
      session: undefined,
      openStreams: 0,
      idleSinceMs: now,
      controlFrames: 0,
      wideWindow: false,
    };
    (socket as MarkedSocket)[CONNECTION] = connection;
    this.#connections.add(connection);
    socket.once("close", () => this.#forget(connection));
    this.#options.inject(socket);
  }

  /** The HTTP/2 stream of a call, as long as it is open. */
  find(metadata: Metadata): OpenStream | undefined {
    const [number] = metadata.get(STREAM_HEADER);
    return typeof number === "string" ? this.#streams.get(number) : undefined;
  }

  /** Resolves when no connection is left. */
  empty(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Closes whatever is left. */
  stop(): void {
    unsubscribe("http2.server.stream.created", this.#onStreamCreated);
    this.#sweepTimer.cancel();
    for (const connection of this.#connections) connection.socket.destroy();
  }

  #admit(): { lease: ConnectionLease | undefined; refusal: DepthcastError | undefined } | undefined {
    try {
      return { lease: this.#options.admission.connect("grpc"), refusal: undefined };
    } catch (thrown) {
      if (this.#refusedConnections >= REFUSED_CONNECTIONS_MAX) return undefined;
      this.#refusedConnections += 1;
      return { lease: undefined, refusal: DepthcastError.from(thrown) };
    }
  }

  #forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    connection.lease?.release();
    if (connection.refusal !== undefined) this.#refusedConnections -= 1;
    if (connection.wideWindow) this.#wideWindows -= 1;
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  readonly #onStreamCreated = (message: unknown): void => {
    const { stream, headers } = message as { stream: ServerHttp2Stream; headers: Record<string, unknown> };
    const connection = connectionOf(stream.session);
    if (connection === undefined || !this.#connections.has(connection)) return;
    const number = String(this.#nextStream++);
    headers[STREAM_HEADER] = number;
    this.#meet(connection, stream.session as Http2Session);
    if (String(headers[":path"]).startsWith(INGEST_PATH_PREFIX)) this.#widenWindow(connection);
    connection.openStreams += 1;
    this.#streams.set(number, {
      connection,
      http2: stream,
      openedMs: this.#options.clock.nowMs(),
      isEncoded: (headers["grpc-encoding"] ?? "identity") !== "identity",
      requestComplete: false,
      answeredMs: undefined,
    });
    stream.once("close", () => {
      this.#streams.delete(number);
      connection.openStreams -= 1;
      connection.idleSinceMs = this.#options.clock.nowMs();
    });
  };

  #meet(connection: Connection, session: Http2Session): void {
    if (connection.session !== undefined) return;
    connection.session = session;
    const count = () => {
      connection.controlFrames += 1;
    };
    session.on("ping", count);
    session.on("remoteSettings", count);
  }

  #widenWindow({ session }: Connection): void {
    const connection = connectionOf(session);
    if (session === undefined || connection === undefined || connection.wideWindow) return;
    if (this.#wideWindows >= WIDE_WINDOWS_MAX) return;
    connection.wideWindow = true;
    this.#wideWindows += 1;
    session.settings({ initialWindowSize: INGEST_WINDOW_BYTES });
    session.setLocalWindowSize?.(INGEST_WINDOW_BYTES);
  }

  #scheduleSweep(): Timer {
    return this.#options.clock.setTimer(SWEEP_INTERVAL_MS, () => {
      this.#sweep(this.#options.clock.nowMs());
      this.#sweepTimer = this.#scheduleSweep();
    });
  }

  #sweep(nowMs: number): void {
    for (const stream of this.#streams.values()) this.#checkStream(stream, nowMs);
    for (const connection of this.#connections) this.#checkConnection(connection, nowMs);
  }

  #checkStream(stream: OpenStream, nowMs: number): void {
    const { handshakeTimeoutMs, stallTimeoutMs } = this.#options.limits;
    const { http2, answeredMs } = stream;
    if (answeredMs === undefined) {
      const overdue = !stream.requestComplete && nowMs - stream.openedMs > handshakeTimeoutMs;
      if (overdue) http2.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      return;
    }
    const sinceMs = nowMs - answeredMs;
    if (http2.writableFinished && sinceMs > HALF_CLOSE_TIMEOUT_MS) http2.close(constants.NGHTTP2_NO_ERROR);
    else if (sinceMs > stallTimeoutMs) http2.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #checkConnection(connection: Connection, nowMs: number): void {
    const { handshakeTimeoutMs, idleTimeoutMs } = this.#options.limits;
    const { socket, session, acceptedMs, controlFrames } = connection;
    connection.controlFrames = 0;
    if (controlFrames > CONTROL_FRAMES_MAX) this.#drop(connection, "too many control frames");
    else if (connection.refusal !== undefined && nowMs - acceptedMs > REFUSED_CONNECTION_MS) socket.destroy();
    else if (session === undefined) {
      if (nowMs - acceptedMs > handshakeTimeoutMs) this.#drop(connection, "no request in time");
      else if (socket.bytesRead > BYTES_BEFORE_REQUEST_MAX) this.#drop(connection, "data without a request");
    } else if (connection.openStreams === 0 && nowMs - connection.idleSinceMs > idleTimeoutMs) {
      // GOAWAY first, so that a call that was just begun is tried elsewhere; at the second look, the end.
      if (session.closed) socket.destroy();
      else session.close();
    }
  }

  #drop({ session, socket }: Connection, why: string): void {
    this.#options.logger.warn({ remoteAddress: socket.remoteAddress, why }, "gRPC connection closed");
    if (session === undefined) socket.destroy();
    else session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

/** Through the proxy that HTTP/2 puts around a session's socket; undefined once it has none. */
function connectionOf(session: Http2Session | undefined): Connection | undefined {
  try {
    const socket: MarkedSocket | undefined = session?.socket;
    return socket?.[CONNECTION];
  } catch {
    return undefined;
  }
}
