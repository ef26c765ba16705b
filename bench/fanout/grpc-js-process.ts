import { type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  type handleServerStreamingCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { answerCommands } from "../support/child-process.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";
import { broadcastLoop, type PeerServerCommands, type PeerServerStart } from "./broadcast-loop.ts";
import { updateMessage } from "./update-message.ts";

type Update = MessageShape<typeof SubscribeResponseSchema>;

/** grpc-js as everybody uses it: each call serializes the message for itself. */
answerCommands<PeerServerCommands>(async ({ intervalMs }: PeerServerStart) => {
  const calls = new Set<ServerWritableStream<Buffer, Update>>();
  const subscribe: handleServerStreamingCall<Buffer, Update> = (call) => {
    calls.add(call);
    call.sendMetadata(call.metadata);
    call.on("cancelled", () => calls.delete(call));
  };
  const bytes = (message: Buffer): Buffer => message;
  const server = new Server();
  server.addService(
    {
      subscribe: {
        path: "/depthcast.v1.MarketDataService/Subscribe",
        requestStream: false,
        responseStream: true,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: (update: Update) => Buffer.from(toBinary(SubscribeResponseSchema, update)),
        responseDeserialize: bytes,
      },
    },
    { subscribe },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failure, port) => {
    if (failure === null) resolve(port);
    else reject(failure);
  });
  const port = await promise;
  let number = 0;
  const peer = {
    isWrittenOut: () => [...calls].every(({ writableLength }) => writableLength === 0),
    sendToAll: () => {
      const update = updateMessage(number++);
      for (const call of calls) call.write(update);
      return calls.size;
    },
  };
  return {
    port: () => Promise.resolve(port),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
    broadcast: (seconds) => broadcastLoop(seconds, intervalMs, peer),
  };
});
