import { randomBytes } from "node:crypto";
import type { Instrument } from "../book/instrument.ts";
import { Broadcaster } from "../broadcast/broadcaster.ts";
import { SnapshotReader } from "../broadcast/snapshot-reader.ts";
import { DepthFeed } from "../board/depth-feed.ts";
import { type Clock, systemClock } from "../clock.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { IngestPort } from "../engine/ingest-port.ts";
import { createLimits, type Limits } from "../limits.ts";
import { MemoryLog } from "../log/memory-log.ts";
import type { OrderLog } from "../log/order-log.ts";
import { Health } from "../observability/health.ts";
import { type Logger, silentLogger } from "../observability/logger.ts";
import { createMetrics, type Metrics } from "../observability/metrics.ts";
import { jsonDialect } from "../protocol/json-dialect.ts";
import { protoDialect } from "../protocol/proto-dialect.ts";
import { Admission, type Authorize, authorizeAll } from "../transports/admission.ts";
import { createGrpcServer, type GrpcTransport } from "../transports/grpc/grpc-server.ts";
import { createHttpServer, type HttpTransport } from "../transports/http/http-server.ts";
import type { ListenAddress } from "./listen-address.ts";
import { type BookIntegrity, OrderFlow } from "./order-flow.ts";

export interface ServerOptions {
  /** Port 0 = any free one. Default 127.0.0.1:50051. */
  readonly grpc?: ListenAddress;
  /** Default 127.0.0.1:8080. */
  readonly http?: ListenAddress;
  /** Defined at the start. */
  readonly instruments?: readonly Instrument[];
  readonly limits?: Partial<Limits>;
  /** The source of truth; closed by `stop`. Default: in memory. */
  readonly log?: OrderLog;
  /** Threads that serve consumers and producers; 0 = everything on the calling thread, the only choice yet. */
  readonly gateways?: 0;
  /** Threads that own books. */
  readonly engines?: 1;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** Decides who may do what. Default: everybody everything. */
  readonly authorize?: Authorize;
  /** Whether `GET /debug/integrity` is served. Default no: it takes time in proportion to all orders. */
  readonly debugIntegrity?: boolean;
  /** Browser origins that may use the WebSocket and REST, beside the server's own. "*" = any. */
  readonly origins?: readonly string[];
}

export interface RunningServer {
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly epoch: bigint;
  readonly limits: Limits;
  readonly metrics: Metrics;
  /** The way into the order log without a socket. */
  readonly ingest: IngestPort;
  checkIntegrity(): readonly BookIntegrity[];
  /** Hash of every book's whole state, by symbol. */
  stateHashes(): ReadonlyMap<string, string>;
  /**
   * Rejects where the engine has failed (a bug, or a damaged log), once the server has stopped itself; pending
   * until then. Left unhandled it ends the process, as a server without its engine must not go unnoticed.
   */
  readonly failed: Promise<never>;
  /** Tells consumers and producers to go elsewhere, applies what is acknowledged, and closes. Idempotent. */
  stop(): Promise<void>;
}

const DEFAULT_GRPC: ListenAddress = { host: "127.0.0.1", port: 50051 };
const DEFAULT_HTTP: ListenAddress = { host: "127.0.0.1", port: 8080 };

/**
 * Starts a whole server on real sockets; resolves when it listens.
 *
 * @throws DepthcastError `invalid_argument` for a setting, `unavailable` where it cannot listen; nothing is
 *   left running then.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const parts = assemble(options);
  try {
    await parts.flow.start();
    for (const instrument of options.instruments ?? []) await parts.flow.gate.define(instrument);
    const grpcPort = await parts.grpc.listen(options.grpc ?? DEFAULT_GRPC);
    const httpPort = await parts.http.listen(options.http ?? DEFAULT_HTTP);
    return running(parts, grpcPort, httpPort);
  } catch (failure) {
    // What made the start fail says more than what may go wrong after it.
    await stopAll(parts).catch(() => {});
    throw failure;
  }
}

interface Parts {
  readonly limits: Limits;
  readonly log: OrderLog;
  readonly metrics: Metrics;
  readonly flow: OrderFlow;
  readonly feed: DepthFeed;
  readonly broadcaster: Broadcaster;
  readonly grpc: GrpcTransport;
  readonly http: HttpTransport;
  /** Resolves when the engine has failed. */
  readonly failure: Promise<DepthcastError>;
}

/** Everything on one thread: the board has one reader, and rings are calls. */
function assemble(options: ServerOptions): Parts {
  const { clock = systemClock, logger = silentLogger } = options;
  const limits = createLimits(options.limits);
  const log = options.log ?? new MemoryLog({ clock });
  const metrics = options.metrics ?? createMetrics();
  const { promise: failure, resolve: engineFailed } = Promise.withResolvers<DepthcastError>();
  const flow: OrderFlow = new OrderFlow({
    log,
    limits,
    readers: 1,
    hashSeed: randomBytes(4).readUInt32LE(),
    metrics: metrics.ingest,
    ring: () => feed.ring(),
    announce: (instrument, buffer) => feed.attach(instrument, buffer),
    instrumentChanged: (index) => broadcaster.instrumentChanged(index),
    failed: (error) => {
      logger.error({ err: error }, "the engine has failed: the server stops");
      engineFailed(error);
    },
  });
  const feed: DepthFeed = new DepthFeed({
    reader: 0,
    control: flow.board.control,
    clock,
    requests: {
      claim: (instrument, levels) => Promise.resolve(flow.claimDepth(instrument, 0, levels)),
      release: (instrument, levels) => flow.releaseDepth(instrument, 0, levels),
    },
  });
  const { instruments } = flow;
  const { epoch } = log;
  const encoders = { proto: protoDialect, json: jsonDialect };
  const broadcaster: Broadcaster = new Broadcaster({
    clock,
    limits,
    epoch,
    depths: feed,
    instruments,
    encoders,
    metrics: metrics.broadcast,
  });
  const snapshots = new SnapshotReader({ clock, epoch, depths: feed, instruments });
  const health = new Health();
  health.check("server", () => (broadcaster.isStopped ? "is going away" : undefined));
  const admission = new Admission(limits, options.authorize ?? authorizeAll);
  const edge = {
    limits,
    clock,
    logger,
    admission,
    instruments,
    snapshots,
    connect: broadcaster.connect.bind(broadcaster),
  };
  const grpc = createGrpcServer({ ...edge, ingest: flow.gate, metrics });
  const http = createHttpServer({
    ...edge,
    metrics: metrics.transport,
    metricsText: () => metrics.text(),
    readiness: () => health.readiness(),
    origins: options.origins ?? [],
    ...(options.debugIntegrity === true ? { integrity: () => flow.checkIntegrity() } : {}),
  });
  watchGauges(metrics, flow, broadcaster, admission);
  return { limits, log, metrics, flow, feed, broadcaster, grpc, http, failure };
}

function watchGauges(
  metrics: Metrics,
  flow: OrderFlow,
  broadcaster: Broadcaster,
  admission: Admission,
): void {
  metrics.watch({
    unwritableConsumers: () => broadcaster.gauges.waiting,
    subscriptions: () => broadcaster.gauges.subscriptions,
    views: () => broadcaster.gauges.views,
    viewBytes: () => broadcaster.gauges.viewBytes,
    intervalStretch: () => broadcaster.gauges.stretch,
    boardBytes: () => flow.board.bytes,
    ingestBytes: () => flow.gate.bytesInFlight,
    instruments: () => flow.instruments.size,
    grpcConnections: () => admission.connections("grpc"),
    httpConnections: () => admission.connections("http"),
  });
}

function running(parts: Parts, grpcPort: number, httpPort: number): RunningServer {
  const { flow, limits, log, metrics, failure } = parts;
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopAll(parts));
  return {
    grpcPort,
    httpPort,
    epoch: log.epoch,
    limits,
    metrics,
    ingest: flow.gate,
    checkIntegrity: () => flow.checkIntegrity(),
    stateHashes: () => flow.stateHashes(),
    failed: failure.then(async (reason) => {
      await stop().catch(() => {});
      throw reason;
    }),
    stop,
  };
}

/** From the outside in: no new work, consumers told, what is acknowledged applied, sockets closed. */
async function stopAll({ flow, feed, broadcaster, grpc, http, metrics }: Parts): Promise<void> {
  broadcaster.stop();
  const applied = flow.stop();
  const closed = await Promise.allSettled([applied, grpc.stop(), http.stop()]);
  feed.stop();
  metrics.stop();
  const failure = closed.find((outcome) => outcome.status === "rejected");
  if (failure !== undefined) {
    throw new DepthcastError(
      ErrorCode.internal,
      "the server did not stop cleanly",
      {},
      { cause: failure.reason },
    );
  }
}
