import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { answerCommands } from "../support/child-process.ts";
import { loadPeer } from "../support/peers.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";
import { broadcastLoop, type PeerServerCommands, type PeerServerStart } from "./broadcast-loop.ts";

/** What is used of socket.io. */
interface SocketIoServer {
  emit(event: string, message: string): boolean;
  readonly engine: { readonly clientsCount: number };
}
interface SocketIo {
  readonly Server: new (http: HttpServer, options: object) => SocketIoServer;
}

/** A broadcast of socket.io, as text, which it sends in one frame. */
answerCommands<PeerServerCommands>(async ({ messageBytes, intervalMs }: PeerServerStart) => {
  const { Server } = await loadPeer<SocketIo>("socket.io");
  const http = createServer();
  const sockets = new Set<Socket>();
  http.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  const message = "Z".repeat(messageBytes);
  const peer = {
    isWrittenOut: () => [...sockets].every(({ writableLength }) => writableLength === 0),
    sendToAll: () => {
      server.emit("d", message);
      return server.engine.clientsCount;
    },
  };
  return {
    port: () => Promise.resolve(port),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
    broadcast: (seconds) => broadcastLoop(seconds, intervalMs, peer),
  };
});
