import { once } from "node:events";
import { WebSocket } from "ws";
import { BookState, createDepth } from "../../../src/book/depth.ts";
import { CrossPolicy, type Instrument } from "../../../src/book/instrument.ts";
import { type Consumer, type ConsumerSession, Dialect } from "../../../src/broadcast/consumer.ts";
import { type Clock, systemClock } from "../../../src/clock.ts";
import { DepthcastError, ErrorCode } from "../../../src/errors.ts";
import { createLimits, type Limits } from "../../../src/limits.ts";
import { silentLogger } from "../../../src/observability/logger.ts";
import { createMetrics } from "../../../src/observability/metrics.ts";
import { jsonDialect } from "../../../src/protocol/json-dialect.ts";
import type { SubscriptionRequest } from "../../../src/protocol/subscription.ts";
import { Admission, type Authorize } from "../../../src/transports/admission.ts";
import {
  createHttpServer,
  type HttpServerOptions,
  type HttpTransport,
} from "../../../src/transports/http/http-server.ts";

const BTC: Instrument = {
  symbol: "BTC-USD",
  priceScale: 2,
  quantityScale: 8,
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  description: "",
};

/** A session that knows two symbols and lets the test push whatever pieces it likes. */
export class TestSession implements ConsumerSession {
  readonly consumer: Consumer;
  readonly requests: SubscriptionRequest[] = [];
  drains = 0;
  progress = 0;
  closed = false;
  /** Pieces that `drained` found no way to send; the newest only, as the real broadcaster would. */
  onDrained: () => void = () => {};
  /** Held back subscriptions resolve when this does. */
  gate: Promise<void> = Promise.resolve();
  readonly #viewIds = new Set<number>();

  constructor(consumer: Consumer) {
    this.consumer = consumer;
  }

  async subscribe(request: SubscriptionRequest): Promise<number> {
    this.requests.push(request);
    await this.gate;
    if (request.symbol === "BUG-USD") throw new Error("secret internals");
    if (request.symbol !== BTC.symbol) {
      throw new DepthcastError(ErrorCode.notFound, `unknown symbol ${JSON.stringify(request.symbol)}`);
    }
    const viewId = request.depth;
    if (this.#viewIds.has(viewId))
      throw new DepthcastError(ErrorCode.alreadyExists, "symbol: subscribed already");
    this.#viewIds.add(viewId);
    setImmediate(() => {
      if (this.consumer.isWritable()) this.consumer.send([subscribedPiece(this.consumer.dialect, request)]);
    });
    return viewId;
  }

  unsubscribe(viewId: number): boolean {
    return this.#viewIds.delete(viewId);
  }

  drained(): void {
    this.drains += 1;
    this.onDrained();
  }

  stalled(): void {
    this.close();
    this.consumer.cutOff(new DepthcastError(ErrorCode.resourceExhausted, "slow consumer"), []);
  }

  progressed(): void {
    this.progress += 1;
  }

  nowMs(): number {
    return performance.now();
  }

  close(): void {
    this.closed = true;
  }
}

function subscribedPiece(dialect: Dialect, request: SubscriptionRequest): Uint8Array {
  if (dialect === Dialect.proto) return Uint8Array.from([0x0a, 0x02, 0x08, request.depth]);
  return jsonDialect.subscribed(
    { viewId: request.depth, instrument: BTC, depth: request.depth, intervalMs: request.intervalMs },
    { heartbeatIntervalMs: 1000, id: request.id, resumed: false },
  );
}

export interface TestServer {
  readonly transport: HttpTransport;
  readonly port: number;
  readonly sessions: TestSession[];
  readonly admission: Admission;
  stop(): Promise<void>;
}

interface TestServerOptions {
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  readonly port?: number;
  readonly authorize?: Authorize;
  readonly overrides?: Partial<HttpServerOptions>;
}

/** The real transport on a real port, in front of `TestSession`s. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const limits = createLimits(options.limits);
  const sessions: TestSession[] = [];
  const admission = new Admission(limits, options.authorize);
  const metrics = createMetrics();
  const listed = { index: 1, instrument: BTC };
  const slashed = { index: 2, instrument: { ...BTC, symbol: "ETH/USD", description: '<b>"ether"</b>' } };
  const transport = createHttpServer({
    limits,
    clock: options.clock ?? systemClock,
    logger: silentLogger,
    admission,
    metrics: metrics.transport,
    connect: (consumer) => {
      const session = new TestSession(consumer);
      sessions.push(session);
      return session;
    },
    snapshots: {
      read: (request) => {
        const instrument = [listed, slashed].find(
          (item) => item.instrument.symbol === request.symbol,
        )?.instrument;
        if (instrument === undefined) {
          return Promise.reject(new DepthcastError(ErrorCode.notFound, "symbol: unknown symbol"));
        }
        const depth = createDepth(1);
        depth.sequence = 125;
        depth.state = BookState.open;
        depth.bids.length = 1;
        depth.bids.price[0] = 6_183_763;
        depth.bids.quantity[0] = 378_826_000;
        depth.bids.orderCount[0] = request.depth;
        return Promise.resolve({ instrument, epoch: 7n, depth, checksum: 42, publishTimeUnixNanos: 9n });
      },
    },
    instruments: {
      find: () => undefined,
      at: () => undefined,
      list: () => [listed, slashed],
    },
    metricsText: () => metrics.text(),
    readiness: () => ({ ready: true, reasons: [] }),
    ...options.overrides,
  });
  const port = await transport.listen({ host: "127.0.0.1", port: options.port ?? 0 });
  const stop = async () => {
    await transport.stop();
    metrics.stop();
  };
  return { transport, port, sessions, admission, stop };
}

/** What a client has received, with a way to wait for more. */
export class Inbox {
  readonly socket: WebSocket;
  readonly texts: string[] = [];
  readonly binaries: Buffer[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary) => {
      if (isBinary) this.binaries.push(data);
      else this.texts.push(data.toString());
    });
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  get objects(): Record<string, unknown>[] {
    return this.texts.map((text) => JSON.parse(text) as Record<string, unknown>);
  }
}

export async function openWebSocket(port: number, protocols: string[] = [], options = {}): Promise<Inbox> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, protocols, {
    perMessageDeflate: false,
    ...options,
  });
  const inbox = new Inbox(socket);
  await once(socket, "open");
  return inbox;
}
