import { Broadcaster } from "../broadcast/broadcaster.ts";
import type { DepthSource } from "../broadcast/depth-source.ts";
import { SnapshotReader } from "../broadcast/snapshot-reader.ts";
import type { InstrumentDirectory } from "../book/instrument-directory.ts";
import type { Clock } from "../clock.ts";
import type { BookIntegrity } from "../engine/engine.ts";
import type { IngestPort } from "../engine/ingest-port.ts";
import type { Limits } from "../limits.ts";
import type { Health } from "../observability/health.ts";
import type { Logger } from "../observability/logger.ts";
import type { Metrics } from "../observability/metrics.ts";
import { jsonDialect } from "../protocol/json-dialect.ts";
import { protoDialect } from "../protocol/proto-dialect.ts";
import { Admission, type Authorize } from "../transports/admission.ts";
import { createGrpcServer, type GrpcTransport } from "../transports/grpc/grpc-server.ts";
import { createHttpServer, type HttpTransport } from "../transports/http/http-server.ts";
import type { ListenAddress } from "./listen-address.ts";

export interface GatewayOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly epoch: bigint;
  readonly instruments: InstrumentDirectory;
  /** The way to the order log. */
  readonly ingest: IngestPort;
  /** This thread's end of the depth board. */
  readonly depths: DepthSource;
  readonly authorize: Authorize;
  readonly origins: readonly string[];
  readonly health: Health;
  /** This thread's. */
  readonly metrics: Metrics;
  /** Those of all threads, for a scrape. */
  readonly metricsText: () => Promise<string>;
  /** Set where `GET /debug/integrity` is served. */
  readonly integrity: (() => Promise<readonly BookIntegrity[]>) | undefined;
}

export interface GatewayAddresses {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  /** Share the ports with the other gateways. */
  readonly reusePort: boolean;
}

/** Serves consumers and producers: both transports over one broadcaster. One thread; it owns no book. */
export class Gateway {
  readonly #broadcaster: Broadcaster;
  readonly #grpc: GrpcTransport;
  readonly #http: HttpTransport;
  #logFault: string | undefined;

  constructor(options: GatewayOptions) {
    const { clock, logger, limits, epoch, instruments, depths, metrics, health } = options;
    const broadcaster = new Broadcaster({
      clock,
      limits,
      epoch,
      depths,
      instruments,
      encoders: { proto: protoDialect, json: jsonDialect },
      metrics: metrics.broadcast,
    });
    health.check("server", () => (broadcaster.isStopped ? "is going away" : undefined));
    health.check("order log", () => this.#logFault);
    const admission = new Admission(limits, options.authorize);
    const edge = {
      limits,
      clock,
      logger,
      admission,
      instruments,
      snapshots: new SnapshotReader({ clock, epoch, depths, instruments }),
      connect: broadcaster.connect.bind(broadcaster),
    };
    this.#broadcaster = broadcaster;
    this.#grpc = createGrpcServer({ ...edge, ingest: options.ingest, metrics });
    this.#http = createHttpServer({
      ...edge,
      metrics: metrics.transport,
      metricsText: options.metricsText,
      readiness: () => health.readiness(),
      origins: options.origins,
      ...(options.integrity !== undefined && { integrity: options.integrity }),
    });
    watchGauges(metrics, broadcaster, admission);
  }

  /** Resolves with the ports in use. @throws DepthcastError `unavailable` where it cannot listen. */
  async listen({ grpc, http, reusePort }: GatewayAddresses): Promise<{ grpcPort: number; httpPort: number }> {
    const grpcPort = await this.#grpc.listen({ ...grpc, reusePort });
    const httpPort = await this.#http.listen({ ...http, reusePort });
    return { grpcPort, httpPort };
  }

  /** A definition is in force. */
  instrumentChanged(instrument: number): void {
    this.#broadcaster.instrumentChanged(instrument);
  }

  /** Why the order log takes nothing has changed; undefined = it takes events. */
  logFaultChanged(fault: string | undefined): void {
    this.#logFault = fault;
    this.#grpc.setTakesEvents(fault === undefined);
  }

  /** Tells consumers to go elsewhere. */
  sendAway(): void {
    this.#broadcaster.stop();
  }

  /** Closes every socket at once: the thread has failed. */
  abandon(): void {
    this.#grpc.abandon();
    this.#http.abandon();
  }

  /** Closes every socket, in good order. After `sendAway`, and after the ingest streams were ended. */
  async stop(): Promise<void> {
    const closed = await Promise.allSettled([this.#grpc.stop(), this.#http.stop()]);
    for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
  }
}

function watchGauges(metrics: Metrics, broadcaster: Broadcaster, admission: Admission): void {
  metrics.watch({
    unwritableConsumers: () => broadcaster.gauges.waiting,
    subscriptions: () => broadcaster.gauges.subscriptions,
    views: () => broadcaster.gauges.views,
    viewBytes: () => broadcaster.gauges.viewBytes,
    intervalStretch: () => broadcaster.gauges.stretch,
    grpcConnections: () => admission.connections("grpc"),
    httpConnections: () => admission.connections("http"),
  });
}
