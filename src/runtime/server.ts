import type { Instrument } from "../book/instrument.ts";
import type { Clock } from "../clock.ts";
import type { BookIntegrity } from "../engine/engine.ts";
import type { IngestPort } from "../engine/ingest-port.ts";
import { type Limits, THREADS_MAX } from "../limits.ts";
import type { OrderLog } from "../log/order-log.ts";
import type { Logger } from "../observability/logger.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { Authorize } from "../transports/admission.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { assembleLocal } from "./local-server.ts";
import { assembleThreads, possibleGateways } from "./threads/threaded-server.ts";
import type { ListenAddress } from "./listen-address.ts";

export interface ServerOptions {
  /** Port 0 = any free one. Default 127.0.0.1:50051. */
  readonly grpc?: ListenAddress;
  /** Default 127.0.0.1:8080. */
  readonly http?: ListenAddress;
  /** Defined at the start. */
  readonly instruments?: readonly Instrument[];
  readonly limits?: Partial<Limits>;
  /** The source of truth, such as `openSqliteLog` gives; closed by `stop`. Default: in memory. */
  readonly log?: OrderLog;
  /** Folder of the log's book snapshots, made where it is not there. Default: none, and a start replays the whole log. */
  readonly snapshots?: string;
  /** Threads that serve consumers and producers. Default 0: everything on the calling thread. */
  readonly gateways?: number;
  /** Threads that own books, where there are gateways. Default 1. */
  readonly engines?: number;
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
  /** Recomputes every book from its orders. */
  checkIntegrity(): Promise<readonly BookIntegrity[]>;
  /**
   * Hash of every book's whole state, by symbol, and as `(sequencer)`, which is no symbol, that of all else: rules,
   * definitions, sequences and producers. Equal in all servers that have applied the same log and are at rest.
   */
  stateHashes(): Promise<ReadonlyMap<string, string>>;
  /**
   * Rejects where the engine has failed (a bug, or a damaged log), once the server has stopped itself; pending
   * until then. Left unhandled it ends the process, as a server without its engine must not go unnoticed.
   */
  readonly failed: Promise<never>;
  /** Ends a thread as a fault would, to see that the server bears it. @internal */
  killGateway(reader: number): Promise<void>;
  /** @internal */
  killEngine(engine: number): Promise<void>;
  /** Tells consumers and producers to go elsewhere, applies what is acknowledged, and closes. Idempotent. */
  stop(): Promise<void>;
}

/** A server that has been put together and does not run yet. */
export interface AssembledServer {
  readonly epoch: bigint;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly ingest: IngestPort;
  /** Resolves when the engine has failed. */
  readonly failure: Promise<Error>;
  /** Takes up work: the log, then `instruments`, then the ports. */
  start(
    instruments: readonly Instrument[],
    addresses: { readonly grpc: ListenAddress; readonly http: ListenAddress },
  ): Promise<{ readonly grpcPort: number; readonly httpPort: number }>;
  checkIntegrity(): Promise<readonly BookIntegrity[]>;
  stateHashes(): Promise<ReadonlyMap<string, string>>;
  /** Ends a thread, where there are several. */
  killGateway(reader: number): Promise<void>;
  killEngine(engine: number): Promise<void>;
  /** From the outside in: no new work, consumers told, what is acknowledged applied, everything closed. */
  stop(): Promise<void>;
}

async function assemble(options: ServerOptions): Promise<AssembledServer> {
  const { gateways = 0, engines = 1, logger } = options;
  checkThreads("gateways", gateways, 0);
  checkThreads("engines", engines, 1);
  if (gateways === 0) return assembleLocal(options);
  const possible = await possibleGateways(gateways);
  if (possible < gateways) {
    logger?.warn({ gateways }, "threads cannot share a port on this platform: one gateway serves alone");
  }
  return assembleThreads(options, possible, engines);
}

function checkThreads(name: string, value: number, min: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= THREADS_MAX) return;
  throw new DepthcastError(
    ErrorCode.invalidArgument,
    `setting ${name} = ${value}: must be a whole number from ${min} to ${THREADS_MAX}`,
    { field: name },
  );
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
  const server = await assemble(options);
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= server.stop());
  try {
    const { grpc = DEFAULT_GRPC, http = DEFAULT_HTTP } = options;
    const ports = await server.start(options.instruments ?? [], { grpc, http });
    const { epoch, limits, metrics, ingest, failure } = server;
    return {
      ...ports,
      epoch,
      limits,
      metrics,
      ingest,
      checkIntegrity: () => server.checkIntegrity(),
      stateHashes: () => server.stateHashes(),
      killGateway: (reader) => server.killGateway(reader),
      killEngine: (engine) => server.killEngine(engine),
      failed: failure.then(async (reason) => {
        await stop().catch(() => {});
        throw reason;
      }),
      stop,
    };
  } catch (failure) {
    // What made the start fail says more than what may go wrong after it.
    await stop().catch(() => {});
    throw failure;
  }
}
