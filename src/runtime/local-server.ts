import { randomBytes } from "node:crypto";
import { DepthBoardWriter } from "../board/depth-board-writer.ts";
import { DepthFeed } from "../board/depth-feed.ts";
import { systemClock } from "../clock.ts";
import { Engine } from "../engine/engine.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { createLimits } from "../limits.ts";
import { MemoryLog } from "../log/memory-log.ts";
import { SnapshotFolder } from "../log/snapshot/snapshot-folder.ts";
import { Health } from "../observability/health.ts";
import { silentLogger } from "../observability/logger.ts";
import { createMetrics } from "../observability/metrics.ts";
import { authorizeAll } from "../transports/admission.ts";
import { Gateway } from "./gateway.ts";
import { OrderFlow } from "./order-flow.ts";
import { watchLog } from "./watch-log.ts";
import type { AssembledServer, ServerOptions } from "./server.ts";

/** Everything on the calling thread: one engine, one gateway, rings and requests are calls. */
export function assembleLocal(options: ServerOptions): AssembledServer {
  const { clock = systemClock, logger = silentLogger } = options;
  const limits = createLimits(options.limits);
  const log = options.log ?? new MemoryLog({ clock });
  const metrics = options.metrics ?? createMetrics();
  const { promise: failure, resolve: engineFailed } = Promise.withResolvers<Error>();
  const board = new DepthBoardWriter({
    readers: 1,
    instrumentsMax: limits.instrumentsMax,
    bytesMax: limits.boardBytesMax,
    ring: () => feed.ring(),
    announce: (instrument, buffer) => feed.attach(instrument, buffer),
  });
  const engine: Engine = new Engine({
    publisher: board,
    hashSeed: randomBytes(4).readUInt32LE(),
    onTurn: (turn) => flow.turnDone(turn),
  });
  const feed: DepthFeed = new DepthFeed({
    reader: 0,
    control: board.control,
    clock,
    requests: {
      claim: (instrument, levels) => Promise.resolve(engine.claimDepth(instrument, 0, levels)),
      release: (instrument, levels) => engine.releaseDepth(instrument, 0, levels),
    },
  });
  const flow: OrderFlow = new OrderFlow({
    log,
    snapshots: options.snapshots === undefined ? undefined : new SnapshotFolder(options.snapshots),
    limits,
    engines: [engine],
    metrics,
    logger,
    clock,
    instrumentChanged: (instrument) => {
      gateway.instrumentChanged(instrument);
      return undefined;
    },
    failed: (error) => {
      logger.error({ err: error }, "the engine has failed: the server stops");
      engineFailed(error);
    },
  });
  const gateway: Gateway = new Gateway({
    clock,
    logger,
    limits,
    epoch: log.epoch,
    instruments: flow.instruments,
    ingest: flow.gate,
    depths: feed,
    authorize: options.authorize ?? authorizeAll,
    origins: options.origins ?? [],
    health: new Health(),
    metrics,
    metricsText: () => metrics.text(),
    integrity: options.debugIntegrity === true ? async () => engine.checkIntegrity() : undefined,
  });
  watchLog(log, {
    logger,
    metrics,
    faultChanged: (fault) => gateway.logFaultChanged(fault),
    failed: (reason) => flow.fail(reason),
  });
  metrics.watch({
    boardBytes: () => board.bytes,
    ingestBytes: () => flow.gate.bytesInFlight,
    instruments: () => flow.instruments.size,
  });
  return {
    epoch: log.epoch,
    limits,
    metrics,
    ingest: flow.gate,
    failure,
    async start(instruments, addresses) {
      await flow.start();
      for (const instrument of instruments) await flow.gate.define(instrument);
      return gateway.listen({ ...addresses, reusePort: false });
    },
    checkIntegrity: async () => engine.checkIntegrity(),
    stateHashes: async () => new Map([...engine.stateHashes(), flow.stateHash()]),
    killGateway: () => Promise.resolve(),
    killEngine: () => Promise.resolve(),
    async stop() {
      gateway.sendAway();
      const closed = await Promise.allSettled([flow.stop(), gateway.stop()]);
      feed.stop();
      metrics.stop();
      for (const outcome of closed) if (outcome.status === "rejected") throw stoppedBadly(outcome.reason);
    },
  };
}

export function stoppedBadly(cause: unknown): DepthcastError {
  return new DepthcastError(ErrorCode.internal, "the server did not stop cleanly", {}, { cause });
}
