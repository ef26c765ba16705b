import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import websocketPlugin from "@fastify/websocket";
import { type FastifyInstance, fastify } from "fastify";
import type { SnapshotSource } from "../../broadcast/snapshot-reader.ts";
import { type Clock, systemClock, type Timer } from "../../clock.ts";
import type { InstrumentDirectory } from "../../book/instrument-directory.ts";
import { DepthcastError, ErrorCode, invariant } from "../../errors.ts";
import type { Readiness } from "../../observability/health.ts";
import type { Admission } from "../admission.ts";
import { clientErrorHandler, errorHandler, notFoundHandler } from "./http-errors.ts";
import { OriginPolicy } from "./origin-policy.ts";
import { registerPage } from "./page.ts";
import { PipeliningGuard } from "./pipelining.ts";
import { type IntegrityCheck, registerRestRoutes } from "./rest-routes.ts";
import type { WebSocketConnection, WebSocketConnectionOptions } from "./websocket-connection.ts";
import { registerWebSocketRoute, webSocketServerOptions } from "./websocket-route.ts";

export interface HttpServerOptions extends WebSocketConnectionOptions {
  readonly admission: Admission;
  readonly snapshots: SnapshotSource;
  readonly instruments: InstrumentDirectory;
  readonly metricsText: () => Promise<string>;
  readonly readiness: () => Readiness;
  /** Switches `GET /debug/integrity` on. */
  readonly integrity?: IntegrityCheck;
  /** Origins of web pages that may read, beside the server's own and those of this machine; see OriginPolicy. */
  readonly origins?: readonly string[];
}

export interface ListenAddress {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Lets several threads listen on one port. Bind once without it first, to notice another program there. */
  readonly reusePort?: boolean;
}

/** The HTTP side of depthcast: WebSocket bridge, REST, health, metrics and the page. */
export interface HttpTransport {
  /**
   * Starts to listen; resolves with the port.
   *
   * @throws DepthcastError `unavailable` where the address is taken or not to be had, saying what to do.
   */
  listen(address: ListenAddress): Promise<number>;
  /** Closes every WebSocket with 1001 and stops listening. Idempotent; done within about a second. */
  stop(): Promise<void>;
  /** Closes every socket at once and in no order: the thread has failed. */
  abandon(): void;
}

const SWEEP_INTERVAL_MS = 1000;
/** How long WebSockets have for the closing handshake when the server stops. */
const STOP_GRACE_MS = 500;
/** Connections that the kernel keeps until they are accepted: many come at once after a restart. Default 511. */
const BACKLOG = 4096;
/** Request bodies have no use here. */
const BODY_BYTES_MAX = 1024;
const HEADER_BYTES_MAX = 16 * 1024;

/** @throws DepthcastError `invalid_argument` for an entry of `origins` that is no origin. */
export function createHttpServer(options: HttpServerOptions): HttpTransport {
  return new FastifyTransport(options);
}

class FastifyTransport implements HttpTransport {
  readonly #options: HttpServerOptions;
  readonly #origins: OriginPolicy;
  readonly #connections = new Set<WebSocketConnection>();
  #app: FastifyInstance | undefined;
  #sweepTimer: Timer | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#origins = new OriginPolicy(options.origins ?? []);
  }

  async listen(address: ListenAddress): Promise<number> {
    invariant(this.#app === undefined, "listen is called once");
    const app = await this.#build();
    this.#app = app;
    // Fastify would open two servers for this name, and only count the connections of one.
    const host = address.host === "localhost" ? "127.0.0.1" : address.host;
    this.#origins.listensOn(host);
    try {
      await app.listen({ ...address, host, backlog: BACKLOG });
    } catch (thrown) {
      await app.close();
      throw listenError(thrown, address);
    }
    this.#scheduleSweep();
    return (app.server.address() as AddressInfo).port;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  abandon(): void {
    for (const connection of this.#connections) connection.terminate();
    this.#app?.server.close();
    this.#app?.server.closeAllConnections();
  }

  async #close(): Promise<void> {
    this.#sweepTimer?.cancel();
    await this.#app?.close();
  }

  async #build(): Promise<FastifyInstance> {
    const options = this.#options;
    const { limits, admission } = options;
    const handleError = errorHandler(options.logger);
    const app = fastify({
      logger: false,
      bodyLimit: BODY_BYTES_MAX,
      connectionTimeout: limits.handshakeTimeoutMs,
      requestTimeout: limits.handshakeTimeoutMs,
      keepAliveTimeout: limits.idleTimeoutMs,
      forceCloseConnections: true,
      http: {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: limits.handshakeTimeoutMs,
        connectionsCheckingInterval: Math.min(SWEEP_INTERVAL_MS, limits.handshakeTimeoutMs),
        // Others ask to upgrade to HTTP/2 (curl does); they are served as if they had not. So is who comes while we stop:
        // Fastify answers 503 then, in front of every hook, which would leave an upgraded socket open for good.
        shouldUpgradeCallback: ({ headers }) =>
          headers.upgrade?.toLowerCase() === "websocket" && this.#stopping === undefined,
      },
      clientErrorHandler,
      frameworkErrors: handleError,
    });
    admitConnections(app.server, admission);
    // In front of every hook: a hook that refuses before the plugin's own would leak the upgraded socket.
    const plugin = {
      options: webSocketServerOptions(limits.webSocketRequestBytesMax),
      preClose: this.#preClose(),
      // A bad frame: `ws` has sent its close frame already, and the plugin's own handler would cut that short.
      errorHandler: (error: Error) => options.logger.debug({ err: error }, "a WebSocket broke the protocol"),
    };
    await app.register(websocketPlugin, plugin);
    app.setErrorHandler(handleError);
    app.setNotFoundHandler(notFoundHandler);
    const pipelining = new PipeliningGuard();
    app.addHook("onRequest", (request, reply, done) => {
      if (!pipelining.admit(request.raw, reply.raw)) reply.hijack();
      done();
    });
    app.addHook("preValidation", (request, _reply, done) => {
      // The plugin would upgrade on any path, only to close.
      const elsewhere = request.ws && request.routeOptions.url !== "/v1/ws";
      done(elsewhere ? new DepthcastError(ErrorCode.notFound, "the WebSocket is at /v1/ws") : undefined);
    });
    registerRestRoutes(app, { ...options, origins: this.#origins, integrity: options.integrity });
    registerPage(app);
    registerWebSocketRoute(app, {
      ...options,
      origins: this.#origins,
      connections: this.#connections,
      isStopping: () => this.#stopping !== undefined,
    });
    return app;
  }

  /** Fastify waits for this before it closes the port, and for nothing else of ours. */
  #preClose() {
    const connections = this.#connections;
    return async function preClose(this: FastifyInstance): Promise<void> {
      for (const connection of connections) connection.goAway();
      await emptied(connections, STOP_GRACE_MS);
      for (const connection of connections) connection.terminate();
      for (const socket of this.websocketServer.clients) socket.terminate();
      await emptied(connections, STOP_GRACE_MS);
      this.websocketServer.close();
    };
  }

  #scheduleSweep(): void {
    const { clock } = this.#options;
    this.#sweepTimer = clock.setTimer(SWEEP_INTERVAL_MS, () => {
      const nowMs = clock.nowMs();
      for (const connection of this.#connections) connection.sweep(nowMs);
      this.#scheduleSweep();
    });
  }
}

/** Counts connections from their first byte on. One too many is dropped at once: an answer would cost more. */
function admitConnections(server: Server, admission: Admission): void {
  server.on("connection", (socket: Socket) => {
    try {
      const lease = admission.connect("http");
      socket.once("close", () => lease.release());
    } catch {
      socket.destroy();
    }
  });
}

/** Resolves when `connections` is empty or `graceMs` of real time are over. */
async function emptied(connections: ReadonlySet<WebSocketConnection>, graceMs: number): Promise<void> {
  const clock: Clock = systemClock;
  const deadlineMs = clock.nowMs() + graceMs;
  while (connections.size > 0 && clock.nowMs() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const listenFaults: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use: stop the program that has it, or choose another port (0 = any free one)",
  EACCES: "not permitted: ports below 1024 need privileges, so choose a higher one",
  EADDRNOTAVAIL:
    "this machine does not have that address: use 127.0.0.1 for local use, 0.0.0.0 for all interfaces",
  ENOTFOUND: "the host name is not known",
};

function listenError(thrown: unknown, address: ListenAddress): DepthcastError {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const what = listenFaults[code] ?? (thrown instanceof Error ? thrown.message : String(thrown));
  return new DepthcastError(
    ErrorCode.unavailable,
    `cannot listen for HTTP on ${address.host}:${address.port}: ${what}`,
    { reason: code || "LISTEN" },
    { cause: thrown },
  );
}
