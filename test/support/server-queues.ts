import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";

/**
 * What waits in a server of this process for its clients, seen from outside the server's code: Node tells of
 * every HTTP/2 stream and every accepted socket, and their queues are looked at in each turn of the event
 * loop.
 */
export class ServerQueues {
  /** The most that waited at any time in one gRPC stream (all calls) and in one plain socket. */
  streamBytesMax = 0;
  socketBytesMax = 0;
  /** Streams and sockets in which something waited at some time. */
  readonly heldBack = new Set<object>();
  readonly #httpPort: number;
  readonly #streams = new Set<ServerHttp2Stream>();
  readonly #sockets = new Set<Socket>();
  #watching = true;
  readonly #onStream = (message: unknown): void => {
    const { stream } = message as { stream: ServerHttp2Stream };
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
  };
  readonly #onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort !== this.#httpPort) return;
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  };

  /** Begin before the clients connect. */
  constructor(httpUrl: string) {
    this.#httpPort = Number(new URL(httpUrl).port);
    subscribe("http2.server.stream.created", this.#onStream);
    subscribe("net.server.socket", this.#onSocket);
    this.#look();
  }

  stop(): void {
    this.#watching = false;
    unsubscribe("http2.server.stream.created", this.#onStream);
    unsubscribe("net.server.socket", this.#onSocket);
  }

  #look(): void {
    for (const stream of this.#streams) {
      const bytes = stream.writableLength;
      if (bytes === 0) continue;
      this.heldBack.add(stream);
      this.streamBytesMax = Math.max(this.streamBytesMax, bytes);
    }
    for (const socket of this.#sockets) {
      const bytes = socket.writableLength;
      if (bytes === 0) continue;
      this.heldBack.add(socket);
      this.socketBytesMax = Math.max(this.socketBytesMax, bytes);
    }
    if (this.#watching) setImmediate(() => this.#look());
  }
}
