import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { answerCommands } from "../support/child-process.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";
import { broadcastLoop, type PeerServerCommands, type PeerServerStart } from "./broadcast-loop.ts";

/** `ws.send` to each client. */
answerCommands<PeerServerCommands>(async ({ messageBytes, intervalMs }: PeerServerStart) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const message = Buffer.alloc(messageBytes, 0x5a);
  const peer = {
    isWrittenOut: () => [...server.clients].every(({ bufferedAmount }) => bufferedAmount === 0),
    sendToAll: () => {
      for (const client of server.clients) client.send(message);
      return server.clients.size;
    },
  };
  return {
    port: () => Promise.resolve(port),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
    broadcast: (seconds) => broadcastLoop(seconds, intervalMs, peer),
  };
});
