import { DemoMarket } from "../../src/cli/demo/demo-market.ts";
import { runDemoFeed } from "../../src/cli/demo/demo-feed.ts";
import { systemClock } from "../../src/clock.ts";
import { startServer } from "../../src/runtime/server.ts";
import { answerCommands } from "../support/child-process.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";

/** What `depthcast serve --demo` is, in a process of its own. */

export interface DemoStart {
  readonly eventsPerSecond: number;
}

export interface DemoCommands {
  url(): Promise<string>;
  cpuSeconds(): Promise<number>;
}

const SEED = 1;

answerCommands<DemoCommands>(async ({ eventsPerSecond }: DemoStart) => {
  const anyPort = { host: "127.0.0.1", port: 0 };
  const market = new DemoMarket(SEED, eventsPerSecond);
  const { instruments } = market;
  const server = await startServer({ grpc: anyPort, http: anyPort, gateways: 1, instruments });
  const { signal } = new AbortController();
  void runDemoFeed({ target: `127.0.0.1:${server.grpcPort}`, market, clock: systemClock, signal });
  return {
    url: () => Promise.resolve(`http://127.0.0.1:${server.httpPort}/`),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
  };
});
