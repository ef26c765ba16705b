import type { DescService, MessageShape } from "@bufbuild/protobuf";
import { once } from "node:events";
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import {
  MarketDataService,
  type SubscribeResponseSchema,
} from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { answerCommands } from "../support/child-process.ts";
import { loadPeer } from "../support/peers.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";
import { broadcastLoop, type PeerServerCommands, type PeerServerStart } from "./broadcast-loop.ts";
import { updateMessage } from "./update-message.ts";

type Update = MessageShape<typeof SubscribeResponseSchema>;

/** What is used of connect-node. */
interface ConnectNode {
  readonly connectNodeAdapter: (options: {
    routes: (router: { service(service: DescService, handlers: object): unknown }) => void;
  }) => (request: Http2ServerRequest, response: Http2ServerResponse) => void;
}

/** A stream waits for the next update when it has handed on the one before. */
class Stream {
  #resolve: ((update: Update) => void) | undefined;

  get isWaiting(): boolean {
    return this.#resolve !== undefined;
  }

  next(): Promise<Update> {
    const { promise, resolve } = Promise.withResolvers<Update>();
    this.#resolve = resolve;
    return promise;
  }

  send(update: Update): boolean {
    const resolve = this.#resolve;
    this.#resolve = undefined;
    resolve?.(update);
    return resolve !== undefined;
  }
}

/** connect-node with its gRPC protocol: each stream is an async generator. */
answerCommands<PeerServerCommands>(async ({ intervalMs }: PeerServerStart) => {
  const { connectNodeAdapter } = await loadPeer<ConnectNode>("@connectrpc/connect-node");
  const streams = new Set<Stream>();
  async function* subscribe(): AsyncGenerator<Update> {
    const stream = new Stream();
    streams.add(stream);
    try {
      // Headers leave with the first message, and the clients wait for them.
      yield updateMessage(0);
      for (;;) yield await stream.next();
    } finally {
      streams.delete(stream);
    }
  }
  const adapter = connectNodeAdapter({
    routes: (router) => router.service(MarketDataService, { subscribe }),
  });
  const server = createServer(adapter);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let number = 1;
  const peer = {
    isWrittenOut: () => [...streams].every(({ isWaiting }) => isWaiting),
    sendToAll: () => {
      const update = updateMessage(number++);
      let sent = 0;
      for (const stream of streams) if (stream.send(update)) sent += 1;
      return sent;
    },
  };
  return {
    port: () => Promise.resolve(port),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
    broadcast: (seconds) => broadcastLoop(seconds, intervalMs, peer),
  };
});
