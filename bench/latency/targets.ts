import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child } from "../support/child-process.ts";
import type { ServerCommands, ServerStart } from "../support/depthcast-process.ts";
import type { ProbeOrder, ProberCommands, ProberStart, ProbeTimes } from "./prober-process.ts";

/** A server with the process that probes it. */
export interface Target {
  readonly name: string;
  /** It publishes depth; the bare server only answers. */
  readonly hasUpdates: boolean;
  readonly server: Child<ServerCommands>;
  readonly ports: { readonly grpc: number; readonly http: number };
  probe(order: ProbeOrder): Promise<ProbeTimes>;
  stop(): Promise<void>;
}

/** The first is the probes' own. */
export const SYMBOLS = Array.from({ length: 10 }, (_, index) => `SYM-${index + 1}`);

export const ECHO = "grpc-js alone";
export const MEMORY_LOG = "memory log";
export const SQLITE_LOG = "SQLite log";

/** The echo first. */
export async function startTargets(): Promise<Target[]> {
  const bare = new URL("../ingest/bare-grpc-process.ts", import.meta.url);
  const own = new URL("../support/depthcast-process.ts", import.meta.url);
  const start: ServerStart = { symbols: SYMBOLS, limits: { heartbeatIntervalMs: 600_000 } };
  const folder = mkdtempSync(join(tmpdir(), "depthcast-bench-"));
  const sqlite = await startTarget(SQLITE_LOG, own, { ...start, sqlitePath: join(folder, "log.db") });
  return [
    await startTarget(ECHO, bare, undefined),
    await startTarget(MEMORY_LOG, own, start),
    {
      ...sqlite,
      stop: async () => {
        await sqlite.stop();
        rmSync(folder, { recursive: true });
      },
    },
  ];
}

async function startTarget(name: string, script: URL, start: ServerStart | undefined): Promise<Target> {
  const server = await Child.start<ServerCommands>(script, start);
  const ports = await server.ask("ports");
  const proberStart: ProberStart = { ports, symbol: SYMBOLS[0]! };
  const proberScript = new URL("./prober-process.ts", import.meta.url);
  const prober = await Child.start<ProberCommands>(proberScript, proberStart);
  return {
    name,
    hasUpdates: start !== undefined,
    server,
    ports,
    probe: (order) => prober.ask("probe", order),
    stop: async () => {
      await prober.stop();
      await server.stop();
    },
  };
}
