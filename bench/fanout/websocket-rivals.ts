import { create, toBinary } from "@bufbuild/protobuf";
import { WebSocketRequestSchema } from "../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import { Child } from "../support/child-process.ts";
import type { ServerCommands, ServerStart } from "../support/depthcast-process.ts";
import { NativeProgram } from "../support/native-program.ts";
import type { PeerServerCommands, PeerServerStart } from "./broadcast-loop.ts";
import type { FeederCommands, FeederStart } from "./feeder-process.ts";
import type { LoadCommands, LoadCounts, WebSocketLoadStart } from "./websocket-load-process.ts";

/** A server with its clients, ready to broadcast for a while. */
export interface Rival {
  readonly name: string;
  /** Broadcasts and tells what the server handed out, and the CPU that it took. */
  run(seconds: number): Promise<{ readonly deliveries: number; readonly cpuSeconds: number }>;
  /** What the clients have got so far. */
  received(): Promise<LoadCounts>;
  stop(): Promise<void>;
}

export interface FanoutShape {
  readonly connections: number;
  readonly symbols: number;
  /** 0 = saturated. */
  readonly intervalMs: number;
}

const LOAD_PROCESSES = 2;
const TEXT = 1;
const BINARY = 2;

export async function startDepthcast({ connections, symbols, intervalMs }: FanoutShape): Promise<Rival> {
  const names = Array.from({ length: symbols }, (_, index) => `SYM-${index + 1}`);
  const script = new URL("../support/depthcast-process.ts", import.meta.url);
  // Without heartbeats, so that all frames in a round are deliveries.
  const start: ServerStart = { symbols: names, limits: { heartbeatIntervalMs: 600_000 } };
  const server = await Child.start<ServerCommands>(script, start);
  const { grpc, http } = await server.ask("ports");
  const requests = names.map((symbol) => ({
    opcode: BINARY as 2,
    payload: toBinary(
      WebSocketRequestSchema,
      create(WebSocketRequestSchema, { op: { case: "subscribe", value: { symbol, depth: 20, intervalMs } } }),
    ),
  }));
  const feederStart: FeederStart = { grpcPort: grpc, symbols: names, intervalMs };
  const feeder = await Child.start<FeederCommands>(
    new URL("./feeder-process.ts", import.meta.url),
    feederStart,
  );
  const loads = await startLoads({
    port: http,
    path: "/v1/ws",
    subprotocol: "depthcast.v1.proto",
    connections,
    requests,
  });
  const deltasSent = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
    return Number(
      /^depthcast_updates_sent_total\{kind="delta",dialect="proto"\} (\d+)/m.exec(text)?.[1] ?? 0,
    );
  };
  return {
    name: "depthcast",
    run: async (seconds) => {
      const deliveredBefore = await deltasSent();
      const cpuBefore = await server.ask("cpuSeconds");
      await feeder.ask("feed", seconds);
      const cpuSeconds = (await server.ask("cpuSeconds")) - cpuBefore;
      return { deliveries: (await deltasSent()) - deliveredBefore, cpuSeconds };
    },
    received: () => receivedBy(loads),
    stop: () => stopAll([feeder, ...loads, server]),
  };
}

export async function startWs(shape: FanoutShape, messageBytes: number): Promise<Rival> {
  const script = new URL("./ws-process.ts", import.meta.url);
  return startPeer("ws, send to each", script, shape, { messageBytes, path: "/", requests: [] });
}

export async function startSocketIo(shape: FanoutShape, messageBytes: number): Promise<Rival> {
  const script = new URL("./socket-io-process.ts", import.meta.url);
  // "40" joins the default namespace.
  const requests = [{ opcode: TEXT as 1, payload: Buffer.from("40") }];
  const path = "/socket.io/?EIO=4&transport=websocket";
  return startPeer("socket.io broadcast", script, shape, { messageBytes, path, requests });
}

interface PeerOptions {
  readonly messageBytes: number;
  readonly path: string;
  readonly requests: WebSocketLoadStart["requests"];
}

async function startPeer(
  name: string,
  script: URL,
  { connections, intervalMs }: FanoutShape,
  { messageBytes, path, requests }: PeerOptions,
): Promise<Rival> {
  const start: PeerServerStart = { messageBytes, intervalMs };
  const server = await Child.start<PeerServerCommands>(script, start);
  const { http } = await server.ask("ports");
  const loads = await startLoads({ port: http, path, connections, requests });
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

/** Undefined where there is no g++. */
export async function startNative(shape: FanoutShape, messageBytes: number): Promise<Rival | undefined> {
  const program = NativeProgram.start("fanout/native-fanout.cpp", [String(messageBytes)]);
  if (program === undefined) return undefined;
  const port = Number(await program.answer());
  const loads = await startLoads({ port, path: "/", connections: shape.connections, requests: [] });
  return {
    name: "C, write() to each",
    run: async (seconds) => {
      program.write(Buffer.from(`RUN ${Math.round(seconds * 1000)} ${shape.intervalMs}\n`));
      const [deliveries, nanos] = (await program.answer()).split(" ").map(Number);
      return { deliveries: deliveries!, cpuSeconds: nanos! / 1e9 };
    },
    received: () => receivedBy(loads),
    stop: async () => {
      program.stop();
      await stopAll(loads);
    },
  };
}

function startLoads(start: WebSocketLoadStart): Promise<Child<LoadCommands>[]> {
  const script = new URL("./websocket-load-process.ts", import.meta.url);
  const connections = start.connections / LOAD_PROCESSES;
  return Promise.all(
    Array.from({ length: LOAD_PROCESSES }, () =>
      Child.start<LoadCommands>(script, { ...start, connections }),
    ),
  );
}

async function receivedBy(loads: readonly Child<LoadCommands>[]): Promise<LoadCounts> {
  const counts = await Promise.all(loads.map((load) => load.ask("counts")));
  return {
    frames: counts.reduce((sum, { frames }) => sum + frames, 0),
    bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function stopAll(children: readonly { stop(): Promise<void> }[]): Promise<void> {
  for (const child of children) await child.stop();
}
