import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../support/child-process.ts";
import type { ServerCommands, ServerStart } from "../support/depthcast-process.ts";
import type { ProducerCommands, ProducerStart } from "./producer-process.ts";

/** A server to send to. */
export interface IngestServer {
  readonly name: string;
  /** Whether it has books, and so counts what it accepts. */
  readonly counts: boolean;
  readonly script: URL;
  /** What it is started with; `folder` is its own, and removed in the end. */
  readonly start: (folder: string) => Omit<ServerStart, "symbols">;
}

const depthcast = { counts: true, script: new URL("../support/depthcast-process.ts", import.meta.url) };

export const MEMORY: IngestServer = { ...depthcast, name: "depthcast, memory log", start: () => ({}) };
export const MEMORY_ON_THREADS: IngestServer = {
  ...depthcast,
  name: "the same, a gateway and an engine on threads of their own",
  start: () => ({ gateways: 1 }),
};
export const SQLITE: IngestServer = {
  ...depthcast,
  name: "depthcast, SQLite log",
  start: (folder) => ({ sqlitePath: join(folder, "log.db") }),
};
export const BARE: IngestServer = {
  name: "grpc-js alone",
  counts: false,
  script: new URL("./bare-grpc-process.ts", import.meta.url),
  start: () => ({}),
};

const SYMBOL = "BTC-USD";

/** A server and its producer, each a process. */
export interface Pair {
  readonly server: IngestServer;
  readonly process: Child<ServerCommands>;
  readonly producer: Child<ProducerCommands>;
}

/** Starts servers with a producer each, and stops them when `use` is done. */
export async function withServers<Result>(
  servers: readonly IngestServer[],
  batchEvents: number,
  smoke: boolean,
  use: (pairs: readonly Pair[]) => Promise<Result>,
): Promise<Result> {
  const pairs: Pair[] = [];
  const folder = mkdtempSync(join(tmpdir(), "depthcast-bench-"));
  try {
    for (const server of servers) {
      const start: ServerStart = { symbols: [SYMBOL], ...server.start(folder) };
      const process = await Child.start<ServerCommands>(server.script, start);
      const { grpc } = await process.ask("ports");
      const order: ProducerStart = { grpcPort: grpc, symbol: SYMBOL, batchEvents, smoke };
      const producerScript = new URL("./producer-process.ts", import.meta.url);
      pairs.push({ server, process, producer: await Child.start<ProducerCommands>(producerScript, order) });
    }
    return await use(pairs);
  } finally {
    await Promise.all(pairs.flatMap(({ process, producer }) => [producer.stop(), process.stop()]));
    rmSync(folder, { recursive: true });
  }
}
