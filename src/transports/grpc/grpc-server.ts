import { constants } from "node:http2";
import { createServer } from "node:net";
import { type Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Consumer, ConsumerSession } from "../../broadcast/consumer.ts";
import type { SnapshotSource } from "../../broadcast/snapshot-reader.ts";
import { type Clock, systemClock } from "../../clock.ts";
import type { IngestPort } from "../../engine/ingest-port.ts";
import type { InstrumentDirectory } from "../../book/instrument-directory.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { file_depthcast_v1_ingest, IngestService } from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import {
  file_depthcast_v1_market_data,
  MarketDataService,
} from "../../protocol/gen/depthcast/v1/market_data_pb.ts";
import { file_health_v1_health, Health } from "../../protocol/gen/health/v1/health_pb.ts";
import type { AccessRequest, Admission } from "../admission.ts";
import type { BatchIntake } from "./batch-intake.ts";
import { GrpcConnections } from "./connections.ts";
import { type GrpcLogger, type GrpcMetrics, noGrpcMetrics } from "./grpc-metrics.ts";
import { HealthService } from "./health.ts";
import { ingestHandlers } from "./ingest-service.ts";
import { marketDataHandlers } from "./market-data-service.ts";
import { addReflection } from "./reflection.ts";
import { addService, type CallGuard } from "./service-adapter.ts";

export interface GrpcServerDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: GrpcLogger;
  readonly admission: Admission;
  readonly ingest: IngestPort;
  readonly connect: (consumer: Consumer) => ConsumerSession;
  readonly snapshots: SnapshotSource;
  readonly instruments: InstrumentDirectory;
  readonly metrics?: GrpcMetrics;
}

export interface GrpcListenAddress {
  readonly host: string;
  readonly port: number;
  /** Lets several threads listen on one port. Bind once without it first, to notice another program there. */
  readonly reusePort?: boolean;
}

export interface GrpcTransport {
  /**
   * Resolves with the port in use; port 0 = any free one.
   *
   * @throws DepthcastError `unavailable` where it cannot listen.
   */
  listen(address: GrpcListenAddress): Promise<number>;
  /** Whether `grpc.health.v1` says that events are taken, and with that the whole server serves. True to begin with. */
  setTakesEvents(takesEvents: boolean): void;
  /**
   * Stops in good order: health says NOT_SERVING, nothing new is taken, ingest streams answer what they
   * have taken and end with UNAVAILABLE. Consumers are the broadcaster's to end, before. What is open after
   * `shutdownTimeoutMs` is closed. Idempotent.
   */
  stop(): Promise<void>;
  /** Closes every socket at once and in no order: the thread has failed. */
  abandon(): void;
}

/** The gRPC side of a server: every RPC of PROTOCOL sections 3 and 4, health and reflection. */
export function createGrpcServer(deps: GrpcServerDeps): GrpcTransport {
  const { limits, clock, logger, admission, metrics = noGrpcMetrics } = deps;
  const server = new Server({
    "grpc.max_concurrent_streams": limits.streamsPerConnectionMax,
    "grpc.max_receive_message_length": limits.requestBytesMax,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms": KEEPALIVE_INTERVAL_MS,
    "grpc.keepalive_timeout_ms": limits.stallTimeoutMs,
  });
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const connections = new GrpcConnections({
    admission,
    limits,
    clock,
    logger,
    inject: (socket) => injector.injectConnection(socket),
  });
  const listener = createServer({ noDelay: true }, (socket) => connections.accept(socket));
  const health = new HealthService([IngestService.typeName, MarketDataService.typeName]);
  const intakes = new Set<BatchIntake>();
  let stopping: Promise<void> | undefined;
  const guard = createGuard(deps, metrics, connections, () => stopping !== undefined);
  addService(server, IngestService, ingestHandlers({ ...deps, metrics, intakes }), guard);
  addService(server, MarketDataService, marketDataHandlers({ ...deps, metrics }), guard);
  addService(server, Health, health.handlers(), guard);
  addReflection(server, [file_depthcast_v1_ingest, file_depthcast_v1_market_data, file_health_v1_health]);

  async function shutDown(): Promise<void> {
    health.setServing(false);
    listener.close();
    for (const intake of intakes) intake.end(goingAway());
    health.stop(goingAway());
    await closeCalls(server, connections, limits.shutdownTimeoutMs);
    connections.stop();
  }

  return {
    listen: ({ host, port, reusePort = false }) =>
      new Promise((resolve, reject) => {
        listener.once("error", (error) => reject(cannotListen(host, port, error)));
        listener.listen({ host, port, reusePort }, () => {
          const address = listener.address();
          resolve(typeof address === "object" && address !== null ? address.port : port);
        });
      }),
    setTakesEvents(takesEvents) {
      // Consumers keep what there is, so the other service serves on.
      if (stopping === undefined) health.setServing(takesEvents, ["", IngestService.typeName]);
    },
    stop: () => (stopping ??= shutDown()),
    abandon() {
      listener.close();
      connections.stop();
    },
  };
}

/** A peer that is gone without a word is noticed by an unanswered ping. */
const KEEPALIVE_INTERVAL_MS = 30_000;

function createGuard(
  deps: GrpcServerDeps,
  metrics: GrpcMetrics,
  connections: GrpcConnections,
  isStopping: () => boolean,
): CallGuard {
  const { admission, clock, logger } = deps;
  return {
    admit(path, metadata) {
      const connection = connections.find(metadata)?.connection;
      if (connection?.refusal !== undefined) throw connection.refusal;
      const operation = operationOf(path);
      if (operation === undefined) return;
      if (isStopping()) throw goingAway();
      const remoteAddress = connection?.socket.remoteAddress ?? "";
      admission.authorize({
        transport: "grpc",
        operation,
        credential: credentialOf(metadata),
        remoteAddress,
      });
    },
    requestComplete(metadata) {
      const stream = connections.find(metadata);
      if (stream !== undefined) stream.requestComplete = true;
    },
    http2Of: (metadata) => connections.find(metadata)?.http2,
    isEncoded: (metadata) => connections.find(metadata)?.isEncoded === true,
    requestBytesMax: deps.limits.requestBytesMax,
    reset: (metadata) => connections.find(metadata)?.http2.close(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    answered(metadata, error) {
      if (error !== undefined) metrics.transport.requestRefused("grpc");
      const stream = connections.find(metadata);
      if (stream !== undefined) stream.answeredMs = clock.nowMs();
    },
    failed: (path, thrown) => logger.error({ path, err: thrown }, "gRPC call failed"),
  };
}

/** What a method wants to do; undefined for health and reflection, which are for everybody. */
function operationOf(path: string): AccessRequest["operation"] | undefined {
  if (path === `/${IngestService.typeName}/${IngestService.method.defineInstrument.name}`) return "define";
  if (path.startsWith(`/${IngestService.typeName}/`)) return "ingest";
  if (path.startsWith(`/${MarketDataService.typeName}/`)) return "market_data";
  return undefined;
}

function credentialOf(metadata: Metadata): string | undefined {
  const [credential] = metadata.get("authorization");
  return credential?.toString();
}

function goingAway(): DepthcastError {
  return new DepthcastError(ErrorCode.unavailable, "the server is going away: connect elsewhere or later", {
    reason: "SHUTDOWN",
  });
}

function cannotListen(host: string, port: number, error: Error & { code?: string }): DepthcastError {
  const why =
    error.code === "EADDRINUSE"
      ? "the port is in use: stop what listens there, or choose another port for gRPC"
      : error.message;
  return new DepthcastError(
    ErrorCode.unavailable,
    `cannot listen for gRPC on ${host}:${port}: ${why}`,
    {},
    { cause: error },
  );
}

/**
 * Waits for open calls, but not for ever: in real time, as a stop must end though nobody drives a clock.
 * Waits for the connections, because the callback of `tryShutdown` comes at once where Node closes the
 * sessions together with their server.
 */
async function closeCalls(server: Server, connections: GrpcConnections, timeoutMs: number): Promise<void> {
  server.tryShutdown(() => {});
  const overdue = new Promise<void>((resolve) => {
    systemClock.setTimer(timeoutMs, resolve);
  });
  await Promise.race([connections.empty(), overdue]);
  server.forceShutdown();
}
