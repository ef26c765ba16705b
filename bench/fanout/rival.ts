import { Child } from "../support/child-process.ts";
import type { ServerCommands, ServerStart } from "../support/depthcast-process.ts";
import type { PeerServerCommands, PeerServerStart } from "./broadcast-loop.ts";
import type { FeederCommands, FeederStart } from "./feeder-process.ts";

/** What load processes have counted. */
export interface LoadCounts {
  /** WebSocket frames with data, or gRPC messages. */
  readonly frames: number;
  readonly bytes: number;
}

export interface LoadCommands {
  counts(): Promise<LoadCounts>;
}

export type Load = Child<LoadCommands>;

/** A server with its clients, ready to broadcast for a while. */
export interface Rival {
  readonly name: string;
  /** CPU seconds a second that it takes without any client, at the shape's interval. */
  readonly cpuShareAlone?: number;
  /** Broadcasts and tells what the server handed out, and the CPU that it took. */
  run(seconds: number): Promise<{ readonly deliveries: number; readonly cpuSeconds: number }>;
  /** What the clients have got so far. */
  received(): Promise<LoadCounts>;
  stop(): Promise<void>;
}

export interface FanoutShape {
  readonly connections: number;
  /** Streams of each connection; a WebSocket connection is one. */
  readonly streams: number;
  readonly symbols: number;
  /** 0 = saturated. */
  readonly intervalMs: number;
}

/** How long a server is measured without clients. */
const ALONE_SECONDS = 2;

/** Starts the clients of a server on this port. */
export type StartLoads = (port: number) => Promise<readonly Load[]>;

/** Processes that the clients are divided over. */
const LOAD_PROCESSES = 2;

/** Starts load processes with half of the connections each. */
export function divideLoads(script: URL, start: { readonly connections: number }): Promise<Load[]> {
  const connections = start.connections / LOAD_PROCESSES;
  return Promise.all(
    Array.from({ length: LOAD_PROCESSES }, () =>
      Child.start<LoadCommands>(script, { ...start, connections }),
    ),
  );
}

export function symbolNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `SYM-${index + 1}`);
}

/** depthcast, fed over its ingest. `gateways`: threads that serve the connections; 0 = all on one thread. */
export async function startDepthcast(
  shape: FanoutShape,
  transport: "grpc" | "http",
  startLoads: StartLoads,
  gateways = 0,
): Promise<Rival> {
  const symbols = symbolNames(shape.symbols);
  const script = new URL("../support/depthcast-process.ts", import.meta.url);
  // Without heartbeats, so that all frames in a round are deliveries.
  const start: ServerStart = { symbols, gateways, limits: { heartbeatIntervalMs: 600_000 } };
  const server = await Child.start<ServerCommands>(script, start);
  const ports = await server.ask("ports");
  const feederStart: FeederStart = { grpcPort: ports.grpc, symbols, intervalMs: shape.intervalMs };
  const feederScript = new URL("./feeder-process.ts", import.meta.url);
  const feeder = await Child.start<FeederCommands>(feederScript, feederStart);
  await feeder.ask("warmUp");
  const fedFor = async (seconds: number): Promise<number> => {
    const before = await server.ask("cpuSeconds");
    await feeder.ask("feed", seconds);
    return (await server.ask("cpuSeconds")) - before;
  };
  // Saturated, it would be fed faster than with clients, so that the two could not be compared.
  const cpuShareAlone = shape.intervalMs === 0 ? undefined : (await fedFor(ALONE_SECONDS)) / ALONE_SECONDS;
  const loads = await startLoads(ports[transport]);
  const deltasSent = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${ports.http}/metrics`)).text();
    return Number(
      /^depthcast_updates_sent_total\{kind="delta",dialect="proto"\} (\d+)/m.exec(text)?.[1] ?? 0,
    );
  };
  return {
    name: "depthcast",
    ...(cpuShareAlone !== undefined && { cpuShareAlone }),
    run: async (seconds) => {
      const deliveredBefore = await deltasSent();
      const cpuSeconds = await fedFor(seconds);
      return { deliveries: (await deltasSent()) - deliveredBefore, cpuSeconds };
    },
    received: () => receivedBy(loads),
    stop: () => stopAll([feeder, ...loads, server]),
  };
}

/** A server of another package, which makes its messages itself. */
export async function startPeer(
  name: string,
  script: URL,
  start: PeerServerStart,
  startLoads: StartLoads,
): Promise<Rival> {
  const server = await Child.start<PeerServerCommands>(script, start);
  const loads = await startLoads(await server.ask("port"));
  return {
    name,
    run: async (seconds) => {
      const before = await server.ask("cpuSeconds");
      const deliveries = await server.ask("broadcast", seconds);
      return { deliveries, cpuSeconds: (await server.ask("cpuSeconds")) - before };
    },
    received: () => receivedBy(loads),
    stop: () => stopAll([...loads, server]),
  };
}

export async function receivedBy(loads: readonly Load[]): Promise<LoadCounts> {
  const counts = await Promise.all(loads.map((load) => load.ask("counts")));
  return {
    frames: counts.reduce((sum, { frames }) => sum + frames, 0),
    bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

export async function stopAll(children: readonly { stop(): Promise<void> }[]): Promise<void> {
  for (const child of children) await child.stop();
}
