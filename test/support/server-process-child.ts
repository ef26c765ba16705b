import { systemClock } from "../../src/clock.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { type RunningServer, startServer } from "../../src/runtime/server.ts";
import type { ServerAnswer, ServerCommand, ServerProcessOptions } from "./server-process.ts";
import { SlowLog } from "./slow-log.ts";
import { testThreads } from "./test-threads.ts";

/** The child of `ServerProcess`. */

let running: RunningServer | undefined;

process.on("message", (command: ServerCommand) => {
  void obey(command);
});
process.on("disconnect", () => process.exit(0));

async function obey(command: ServerCommand): Promise<void> {
  if (command.op === "start") await start(command.options);
  else if (command.op === "killGateway") {
    await running?.killGateway(command.reader);
    answer({ op: "killed" });
  } else answer({ op: "memory", memory: measure(command.collect) });
}

async function start(options: ServerProcessOptions): Promise<void> {
  const { limits, logBytesPerSecond, gateways, engines } = options;
  const anyPort = { host: "127.0.0.1", port: 0 };
  const log = new MemoryLog({ clock: systemClock });
  running = await startServer({
    grpc: anyPort,
    http: anyPort,
    ...testThreads,
    ...(gateways !== undefined && { gateways }),
    ...(engines !== undefined && { engines }),
    log: logBytesPerSecond === undefined ? log : new SlowLog(log, logBytesPerSecond),
    ...(limits !== undefined && { limits }),
  });
  answer({ op: "started", grpcPort: running.grpcPort, httpPort: running.httpPort });
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
