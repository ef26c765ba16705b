import { type handleBidiStreamingCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { answerCommands } from "../support/child-process.ts";
import type { ServerCommands } from "../support/depthcast-process.ts";
import { processCpuSeconds } from "../support/wall-clock.ts";

/** grpc-js alone: takes the same messages as bytes, decodes nothing and answers each with ten bytes. */

const ACK = Buffer.alloc(10);
const bytes = (message: Buffer): Buffer => message;

const acknowledge: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on("data", () => call.write(ACK));
  call.on("end", () => call.end());
};

answerCommands<ServerCommands>(async () => {
  const server = new Server();
  server.addService(
    {
      ingestAcked: {
        path: "/depthcast.v1.IngestService/IngestAcked",
        requestStream: true,
        responseStream: true,
        requestSerialize: bytes,
        requestDeserialize: bytes,
        responseSerialize: bytes,
        responseDeserialize: bytes,
      },
    },
    { ingestAcked: acknowledge },
  );
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (failure, port) => {
    if (failure === null) resolve(port);
    else reject(failure);
  });
  const grpc = await promise;
  return {
    ports: () => Promise.resolve({ grpc, http: 0 }),
    cpuSeconds: () => Promise.resolve(processCpuSeconds()),
  };
});
