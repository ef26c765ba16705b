import { systemClock } from "../../src/clock.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { startServer } from "../../src/runtime/server.ts";
import type { ServerAnswer, ServerCommand, ServerProcessOptions } from "./server-process.ts";
import { SlowLog } from "./slow-log.ts";
import { testThreads } from "./test-threads.ts";

/** The child of `ServerProcess`. */

process.on("message", (command: ServerCommand) => {
  void obey(command);
});
process.on("disconnect", () => process.exit(0));

async function obey(command: ServerCommand): Promise<void> {
  if (command.op === "start") await start(command.options);
  else answer({ op: "memory", memory: measure(command.collect) });
}

async function start({ limits, logBytesPerSecond }: ServerProcessOptions): Promise<void> {
  const anyPort = { host: "127.0.0.1", port: 0 };
  const log = new MemoryLog({ clock: systemClock });
  const { grpcPort, httpPort } = await startServer({
    grpc: anyPort,
    http: anyPort,
    ...testThreads,
    log: logBytesPerSecond === undefined ? log : new SlowLog(log, logBytesPerSecond),
    ...(limits !== undefined && { limits }),
  });
  answer({ op: "started", grpcPort, httpPort });
}

function measure(collect: boolean): { rss: number; held: number } {
  if (collect) globalThis.gc?.();
  if (collect) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, held: heapUsed + external };
}

function answer(message: ServerAnswer): void {
  process.send?.(message);
}
