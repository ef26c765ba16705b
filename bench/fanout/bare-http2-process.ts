import { toBinary } from "@bufbuild/protobuf";
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { answerCommands } from "../support/child-process.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";
import { broadcastLoop, type PeerServerCommands, type PeerServerStart } from "./broadcast-loop.ts";
import { updateMessage } from "./update-message.ts";

/** node:http2 with nothing around it: a message is encoded once and written to each stream. */
answerCommands<PeerServerCommands>(async ({ intervalMs }: PeerServerStart) => {
  const streams = new Set<ServerHttp2Stream>();
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" });
    stream.resume();
    streams.add(stream);
    stream.on("close", () => streams.delete(stream));
    stream.on("error", () => streams.delete(stream));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let number = 0;
  const peer = {
    isWrittenOut: () => [...streams].every(({ writableLength }) => writableLength === 0),
    sendToAll: () => {
      const update = toBinary(SubscribeResponseSchema, updateMessage(number++));
      const message = Buffer.alloc(5 + update.length);
      message.writeUInt32BE(update.length, 1);
      message.set(update, 5);
      for (const stream of streams) stream.write(message);
      return streams.size;
    },
  };
  return {
    port: () => Promise.resolve(port),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
    broadcast: (seconds) => broadcastLoop(seconds, intervalMs, peer),
  };
});
