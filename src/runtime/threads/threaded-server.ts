import { randomBytes } from "node:crypto";
import { systemClock } from "../../clock.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { createLimits, type Limits } from "../../limits.ts";
import { MemoryLog } from "../../log/memory-log.ts";
import { SnapshotFolder } from "../../log/snapshot/snapshot-folder.ts";
import { mergeMetrics } from "../../observability/merge-metrics.ts";
import { silentLogger } from "../../observability/logger.ts";
import { createMetrics } from "../../observability/metrics.ts";
import type { GatewayAddresses } from "../gateway.ts";
import { stoppedBadly } from "../local-server.ts";
import { OrderFlow } from "../order-flow.ts";
import type { AssembledServer, ServerOptions } from "../server.ts";
import { watchLog } from "../watch-log.ts";
import { EngineWorker } from "./engine-worker.ts";
import { GatewayWorker } from "./gateway-worker.ts";
import { fromPlain, type IntegrityAnswer, type SharedClock } from "./messages.ts";
import { holdPorts, portsCanBeShared } from "./shared-ports.ts";

/** Gateways that may die within a minute before the server gives up. */
const DEATHS_MAX = 5;
const DEATHS_SPAN_MS = 60_000;

/**
 * A server whose sockets and books are on threads of their own; the calling one has the log.
 *
 * @throws DepthcastError `invalid_argument` for options that cannot be taken to other threads.
 */
export function assembleThreads(
  options: ServerOptions,
  gatewayCount: number,
  engineCount: number,
): AssembledServer {
  const { clock = systemClock, logger = silentLogger } = options;
  const shared = sharedClock(options);
  const limits = createLimits(options.limits);
  const log = options.log ?? new MemoryLog({ clock });
  const metrics = options.metrics ?? createMetrics({ thread: "core" });
  const { promise: failure, resolve: fail } = Promise.withResolvers<Error>();
  const hashSeed = randomBytes(4).readUInt32LE();
  let gateways: GatewayWorker[] = [];
  let addresses: GatewayAddresses | undefined;
  let stopping = false;
  let deathsMs: number[] = [];

  const engines = Array.from(
    { length: engineCount },
    (_, engine) =>
      new EngineWorker({
        setup: { engine, limits: engineLimits(limits, engineCount), hashSeed, readers: gatewayCount },
        onTurn: (turn) => flow.turnDone(turn),
        onDeath: (why) => flow.fail(why),
      }),
  );
  const flow: OrderFlow = new OrderFlow({
    log,
    snapshots: options.snapshots === undefined ? undefined : new SnapshotFolder(options.snapshots),
    limits,
    engines,
    metrics,
    logger,
    clock,
    instrumentChanged: async (instrument) => {
      const listed = flow.instruments.at(instrument);
      if (listed !== undefined)
        await Promise.all(gateways.map((gateway) => gateway.instrumentChanged(listed)));
    },
    failed: (error) => {
      logger.error({ err: error }, "an engine has failed: the server stops");
      fail(error);
    },
  });
  watchLog(log, {
    logger,
    metrics,
    faultChanged(fault) {
      for (const gateway of gateways) gateway.logFaultChanged(fault);
    },
    failed: (reason) => flow.fail(reason),
  });
  metrics.watch({ instruments: () => flow.instruments.size });

  async function metricsText(): Promise<string> {
    const texts = await Promise.allSettled([
      metrics.text(),
      ...engines.map((engine) => engine.metricsText()),
      ...gateways.map((gateway) => gateway.metricsText()),
    ]);
    return mergeMetrics(texts.flatMap((text) => (text.status === "fulfilled" ? [text.value] : [])));
  }

  async function checkIntegrity(): Promise<IntegrityAnswer> {
    return (await Promise.all(engines.map((engine) => engine.checkIntegrity()))).flat();
  }

  async function startGateway(reader: number): Promise<GatewayWorker> {
    const boards = await Promise.all(
      engines.map(async (worker) => ({ worker, control: await worker.control })),
    );
    return new GatewayWorker({
      setup: {
        reader,
        limits: gatewayLimits(limits, gatewayCount),
        epoch: log.epoch,
        logFault: log.fault,
        instruments: flow.instruments.list(),
        origins: options.origins ?? [],
        debugIntegrity: options.debugIntegrity === true,
        clock: shared,
      },
      engines: boards,
      gate: flow.gate,
      logger,
      metricsText,
      integrity: checkIntegrity,
      onDeath: (why) => void replaceGateway(reader, why),
    });
  }

  /** Its clients reconnect and resume, its producers ask for their position: nothing is lost with it. */
  async function replaceGateway(reader: number, why: unknown): Promise<void> {
    if (stopping) return;
    const nowMs = clock.nowMs();
    deathsMs = [...deathsMs.filter((deathMs) => deathMs > nowMs - DEATHS_SPAN_MS), nowMs];
    logger.error({ err: why, gateway: reader }, "a gateway thread has ended: another takes its place");
    if (deathsMs.length > DEATHS_MAX) {
      fail(gatewaysDie(why));
      return;
    }
    try {
      // First of all engines: what they reset would be the successor's.
      await Promise.all(engines.map((engine) => engine.dropReader(reader)));
      const gateway = await startGateway(reader);
      gateways = gateways.map((old) => (old.reader === reader ? gateway : old));
      if (addresses !== undefined) await gateway.listen(addresses);
    } catch (thrown) {
      logger.error({ err: thrown, gateway: reader }, "the new gateway thread did not start");
    }
  }

  return {
    epoch: log.epoch,
    limits,
    metrics,
    ingest: flow.gate,
    failure,
    async start(instruments, wanted) {
      await Promise.all(engines.map((engine) => engine.control));
      await flow.start();
      for (const instrument of instruments) await flow.gate.define(instrument);
      const reusePort = gatewayCount > 1;
      const held = await holdPorts(wanted, reusePort);
      try {
        gateways = await Promise.all(
          Array.from({ length: gatewayCount }, (_, reader) => startGateway(reader)),
        );
        const fixed = { ...held.addresses, reusePort };
        addresses = fixed;
        if (!reusePort) await held.release();
        const [ports] = await Promise.all(gateways.map((gateway) => gateway.listen(fixed)));
        if (ports === undefined) throw new Error("invariant: there is a gateway");
        return ports;
      } finally {
        await held.release();
      }
    },
    checkIntegrity,
    async stateHashes() {
      const books = await Promise.all(engines.map((engine) => engine.stateHashes()));
      return new Map([...books.flat(), flow.stateHash()]);
    },
    async stop() {
      stopping = true;
      for (const gateway of gateways) gateway.sendAway();
      const closed = await Promise.allSettled([flow.stop(), ...gateways.map((gateway) => gateway.stop())]);
      await Promise.all(engines.map((engine) => engine.stop()));
      metrics.stop();
      for (const outcome of closed) if (outcome.status === "rejected") throw stoppedBadly(outcome.reason);
    },
    async killGateway(reader) {
      await gateways.find((gateway) => gateway.reader === reader)?.kill();
    },
    async killEngine(engine) {
      await engines[engine]?.kill();
    },
  };
}

/** How many gateways there can be: one where the platform cannot share ports. */
export async function possibleGateways(wanted: number): Promise<number> {
  return wanted > 1 && !(await portsCanBeShared()) ? 1 : wanted;
}

function sharedClock({ clock, authorize }: ServerOptions): SharedClock | undefined {
  if (authorize !== undefined) throw notAcrossThreads("authorize is a function");
  if (clock === undefined || clock === systemClock) return undefined;
  if ("shared" in clock) return clock.shared as SharedClock;
  throw notAcrossThreads("this clock cannot be shared");
}

function notAcrossThreads(why: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.invalidArgument,
    `gateways: ${why}, which other threads cannot be given; set gateways to 0`,
    { field: "gateways" },
  );
}

function gatewaysDie(why: unknown): DepthcastError {
  return fromPlain({
    code: ErrorCode.internal,
    message: `gateway threads end again and again: ${DepthcastError.from(why).message}`,
    details: { reason: "GATEWAYS_DIE" },
  });
}

/** What is bounded for the whole server, each gateway has its share of. */
function gatewayLimits(limits: Limits, gateways: number): Limits {
  return {
    ...limits,
    connectionsMax: Math.ceil(limits.connectionsMax / gateways),
    ingestBytesMax: Math.ceil(limits.ingestBytesMax / gateways),
    viewBytesMax: Math.ceil(limits.viewBytesMax / gateways),
  };
}

function engineLimits(limits: Limits, engines: number): Limits {
  return { ...limits, boardBytesMax: Math.ceil(limits.boardBytesMax / engines) };
}
