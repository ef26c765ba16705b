import { create, toBinary } from "@bufbuild/protobuf";
import { WebSocketRequestSchema } from "../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import { NativeProgram } from "../support/native-program.ts";
import {
  divideLoads,
  type FanoutShape,
  receivedBy,
  type Rival,
  startDepthcast,
  startPeer,
  stopAll,
  symbolNames,
} from "./rival.ts";
import type { WebSocketLoadStart } from "./websocket-load-process.ts";

/** What an update of depthcast takes here, so that the others send as much. */
const MESSAGE_BYTES = 226;
const TEXT = 1;
const BINARY = 2;

export async function startWebSocketRivals(
  shape: FanoutShape,
  { alone, peersInstalled }: { readonly alone: boolean; readonly peersInstalled: boolean },
): Promise<Rival[]> {
  const rivals = [await startDepthcast(shape, "http", (port) => startClients(port, shape))];
  if (alone) return rivals;
  const start = { messageBytes: MESSAGE_BYTES, intervalMs: shape.intervalMs };
  const { connections } = shape;
  const ws = new URL("./ws-process.ts", import.meta.url);
  const plain = { connections, path: "/", requests: [] };
  rivals.push(await startPeer("ws, send to each", ws, start, (port) => startLoads(port, plain)));
  if (peersInstalled) {
    const socketIo = new URL("./socket-io-process.ts", import.meta.url);
    // "40" joins the default namespace.
    const requests = [{ opcode: TEXT as 1, payload: Buffer.from("40") }];
    const clients = { connections, path: "/socket.io/?EIO=4&transport=websocket", requests };
    rivals.push(await startPeer("socket.io broadcast", socketIo, start, (port) => startLoads(port, clients)));
  }
  const native = await startNative(shape);
  return native === undefined ? rivals : [...rivals, native];
}

type Clients = Omit<WebSocketLoadStart, "port">;

function startLoads(port: number, clients: Clients) {
  const start: WebSocketLoadStart = { ...clients, port };
  return divideLoads(new URL("./websocket-load-process.ts", import.meta.url), start);
}

/** WebSocket clients of depthcast, each with all symbols. */
export function startClients(port: number, shape: FanoutShape) {
  return startLoads(port, depthcastClients(shape));
}

export function depthcastClients({ connections, symbols, intervalMs }: FanoutShape): Clients {
  const requests = symbolNames(symbols).map((symbol) => ({
    opcode: BINARY as 2,
    payload: toBinary(
      WebSocketRequestSchema,
      create(WebSocketRequestSchema, { op: { case: "subscribe", value: { symbol, depth: 20, intervalMs } } }),
    ),
  }));
  return { connections, path: "/v1/ws", subprotocol: "depthcast.v1.proto", requests };
}

/** Undefined where there is no g++. */
async function startNative({ connections, intervalMs }: FanoutShape): Promise<Rival | undefined> {
  const program = NativeProgram.start("fanout/native-fanout.cpp", [String(MESSAGE_BYTES)]);
  if (program === undefined) return undefined;
  const loads = await startLoads(Number(await program.answer()), { connections, path: "/", requests: [] });
  return {
    name: "C, write() to each",
    run: async (seconds) => {
      program.write(Buffer.from(`RUN ${Math.round(seconds * 1000)} ${intervalMs}\n`));
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
