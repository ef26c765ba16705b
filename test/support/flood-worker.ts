import { parentPort, workerData } from "node:worker_threads";
import { rawConnect, rawWebSocket } from "./raw-websocket.ts";

/** A thread that floods a server and reads nothing, so that the server's thread has only its own work. */

export interface FloodOrder {
  readonly port: number;
  readonly connections: number;
  /** Sent again and again, as fast as the sockets take it. */
  readonly burst: Uint8Array;
  readonly durationMs: number;
  /** Whether to upgrade to a WebSocket first. */
  readonly upgrade: boolean;
}

const { port, connections, burst, durationMs, upgrade } = workerData as FloodOrder;
const sockets = await Promise.all(
  Array.from({ length: connections }, () => (upgrade ? rawWebSocket(port) : rawConnect(port))),
);
parentPort?.postMessage("begun");
const endsAtMs = performance.now() + durationMs;
while (performance.now() < endsAtMs) {
  for (const socket of sockets) {
    socket.pause();
    if (socket.writableLength === 0 && !socket.destroyed) socket.write(burst);
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}
parentPort?.postMessage("ended");
for (const socket of sockets) socket.destroy();
