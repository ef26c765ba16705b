import { systemClock } from "../../src/clock.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { silentLogger } from "../../src/observability/logger.ts";
import { startServer } from "../../src/runtime/server.ts";
import { createBatches } from "../flows/batches.ts";
import { createFlow } from "../flows/flows.ts";
import { answerCommands } from "../support/child-process.ts";
import { BATCH_EVENTS, recordOf, SYMBOL } from "./written-log.ts";

/** A server and a producer in one process, without sockets between them, so that nothing but the snapshots holds up a batch. */

export interface PauseStart {
  readonly smoke: boolean;
  readonly gateways: number;
  readonly folder: string;
  /** Log entries from one snapshot to the next; undefined = none are taken. */
  readonly every: number | undefined;
}

export interface Pauses {
  /** From the handing in of each batch to its answer. */
  readonly ackMs: Float64Array;
  readonly snapshots: number;
}

export interface PauseCommands {
  /** Sends batches one at a time. */
  produce(batches: number): Promise<Pauses>;
}

answerCommands<PauseCommands>(async ({ smoke, gateways, folder, every }: PauseStart) => {
  const anyPort = { host: "127.0.0.1", port: 0 };
  let taken = 0;
  const server = await startServer({
    grpc: anyPort,
    http: anyPort,
    gateways,
    instruments: [SYMBOL],
    log: new MemoryLog({ clock: systemClock, retain: true }),
    logger: {
      ...silentLogger,
      info: (_, message) => void (taken += message === "book snapshot taken" ? 1 : 0),
    },
    ...(every !== undefined && { snapshots: folder, limits: { snapshotEveryBatches: every } }),
  });
  const flow = createFlow("R", smoke);
  const stream = server.ingest.openStream(() => {});
  let batchNumber = 0;
  const submit = (columns: Parameters<typeof recordOf>[0]) => {
    batchNumber += 1;
    const record = recordOf(columns, batchNumber);
    return stream.submit({ record, symbol: SYMBOL.symbol, producerId: "bench", batchNumber });
  };
  for (const columns of flow.prefill()) await submit(columns);
  const batches = createBatches(BATCH_EVENTS, BATCH_EVENTS);
  return {
    async produce(count) {
      const ackMs = new Float64Array(count);
      const before = taken;
      for (let i = 0; i < count; i++) {
        flow.fill(batches);
        const startedMs = performance.now();
        await submit(batches[0]!);
        ackMs[i] = performance.now() - startedMs;
      }
      return { ackMs, snapshots: taken - before };
    },
  };
});
