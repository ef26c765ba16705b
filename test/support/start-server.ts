import { onTestFinished } from "vitest";
import { type RunningServer, type ServerOptions, startServer } from "../../src/runtime/server.ts";
import { type Metrics, readMetrics } from "./metrics.ts";
import type { ServerAddresses } from "./test-client.ts";
import { testThreads } from "./test-threads.ts";

/** A whole server in the test's process, on real sockets. */
export interface TestServer extends ServerAddresses {
  readonly running: RunningServer;
  /** What `GET /metrics` tells now. */
  metrics(): Promise<Metrics>;
  stop(): Promise<void>;
}

/** Starts a server on free ports; it is stopped when the test ends. */
export async function startTestServer(options: ServerOptions = {}): Promise<TestServer> {
  const anyPort = { host: "127.0.0.1", port: 0 };
  const running = await startServer({ grpc: anyPort, http: anyPort, ...testThreads, ...options });
  const stop = (): Promise<void> => running.stop();
  onTestFinished(stop);
  const httpUrl = `http://127.0.0.1:${running.httpPort}`;
  return {
    running,
    grpcAddress: `127.0.0.1:${running.grpcPort}`,
    httpUrl,
    metrics: () => readMetrics(httpUrl),
    stop,
  };
}
