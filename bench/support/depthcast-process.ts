import { CrossPolicy } from "../../src/book/instrument.ts";
import type { Limits } from "../../src/limits.ts";
import { startServer } from "../../src/runtime/server.ts";
import { openSqliteLog } from "../../src/runtime/threads/log-worker.ts";
import { answerCommands } from "./child-process.ts";
import { processCpuSeconds } from "./wall-clock.ts";

/** A depthcast server in a process of its own. */

export interface ServerStart {
  readonly symbols: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Threads that serve the sockets; default 0: all on one thread. */
  readonly gateways?: number;
  /** Keeps the order log in this SQLite file; default: in memory. */
  readonly sqlitePath?: string;
}

export interface ServerCommands {
  /** Ports of gRPC and HTTP. */
  ports(): Promise<{ readonly grpc: number; readonly http: number }>;
  cpuSeconds(): Promise<number>;
}

answerCommands<ServerCommands>(async ({ symbols, limits, gateways = 0, sqlitePath }: ServerStart) => {
  const anyPort = { host: "127.0.0.1", port: 0 };
  const server = await startServer({
    grpc: anyPort,
    http: anyPort,
    gateways,
    instruments: symbols.map((symbol) => ({
      symbol,
      priceScale: 2,
      quantityScale: 0,
      crossPolicy: CrossPolicy.reject,
      tickSize: 0,
      lotSize: 0,
      description: "",
    })),
    ...(limits !== undefined && { limits }),
    ...(sqlitePath !== undefined && { log: await openSqliteLog({ path: sqlitePath }) }),
  });
  return {
    ports: () => Promise.resolve({ grpc: server.grpcPort, http: server.httpPort }),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
  };
});
