import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import {
  Client,
  credentials,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { MessageSink } from "./message-faults.ts";

/**
 * Proxies that pass a server's messages through faults such as `MessageFaults`: whole WebSocket frames, whole gRPC responses, or the
 * bytes of the connection. Each resolves with the address for clients, and is closed when the test ends.
 */

/** What may happen on the way of one connection. */
export interface Faults {
  way(sink: MessageSink): (message: Buffer) => void;
}

/** @param target `host:port` */
export async function webSocketFaultProxy(target: string, faults: Faults): Promise<string> {
  const proxy = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(proxy, "listening");
  onTestFinished(() => {
    for (const client of proxy.clients) client.terminate();
    proxy.close();
  });
  proxy.on("connection", (client, request) => {
    const server = new WebSocket(`ws://${target}${request.url}`, client.protocol);
    const early: Buffer[] = [];
    const end = (): void => {
      client.terminate();
      server.terminate();
    };
    const way = faults.way({ send: (message) => client.send(message, { binary: false }), cut: end });
    server.on("open", () => {
      for (const message of early.splice(0)) server.send(message, { binary: false });
    });
    server.on("message", way);
    client.on("message", (message: Buffer) => {
      if (server.readyState === WebSocket.OPEN) server.send(message, { binary: false });
      else early.push(message);
    });
    for (const socket of [client, server]) socket.on("close", end).on("error", end);
  });
  return `ws://127.0.0.1:${(proxy.address() as AddressInfo).port}/v1/ws`;
}

const SUBSCRIBE = "/depthcast.v1.MarketDataService/Subscribe";
const asItIs = (bytes: Buffer): Buffer => bytes;

/** @param target `host:port` */
export async function grpcFaultProxy(target: string, faults: Faults): Promise<string> {
  const upstream = new Client(target, credentials.createInsecure());
  const proxy = new Server();
  const method = {
    path: SUBSCRIBE,
    requestStream: false,
    responseStream: true,
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  } as const;
  proxy.addService(
    { subscribe: method },
    {
      subscribe(call: ServerWritableStream<Buffer, Buffer>) {
        const responses = upstream.makeServerStreamRequest(SUBSCRIBE, asItIs, asItIs, call.request);
        const end = (): void => {
          responses.cancel();
          call.emit("error", { code: status.UNAVAILABLE, details: "cut by the proxy" });
        };
        responses.on("data", faults.way({ send: (message) => call.write(message), cut: end }));
        responses.on("error", (error: Error) => call.emit("error", error));
        responses.on("end", () => call.end());
        call.on("cancelled", () => responses.cancel());
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    proxy.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => {
    proxy.forceShutdown();
    upstream.close();
  });
  return `grpc://127.0.0.1:${port}`;
}

/** Chunks of the connection's bytes, whatever they carry. Resolves with `host:port`. */
export async function byteFaultProxy(target: string, faults: Faults): Promise<string> {
  const [host, port] = target.split(":") as [string, string];
  const proxy = createServer();
  const sockets = new Set<Socket>();
  proxy.on("connection", (client: Socket) => {
    const server = connect(Number(port), host);
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.setNoDelay(true).on("error", end).on("close", end);
    }
    client.pipe(server);
    server.on("data", faults.way({ send: (bytes) => client.write(bytes), cut: end }));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
