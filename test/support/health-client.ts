import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { GrpcFailure } from "./grpc-failure.ts";

const HEALTH = "/grpc.health.v1.Health";

/** What `grpc.health.v1` answers. */
export const HealthStatus = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;

/** HealthCheckRequest: field 1 is the service. */
function healthRequest(service: string): Buffer {
  return service === "" ? Buffer.alloc(0) : Buffer.from([0x0a, service.length, ...Buffer.from(service)]);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

/** Asks `grpc.health.v1`, and watches it. */
export function healthClient(target: string) {
  const client = new Client(target, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  onTestFinished(() => client.close());
  return {
    check: (service: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        client.makeUnaryRequest(`${HEALTH}/Check`, asIs, asIs, healthRequest(service), (error, response) => {
          if (error) reject(GrpcFailure.from(error));
          else resolve(response?.[1]);
        });
      }),
    watch: (service: string) => {
      const statuses: (number | undefined)[] = [];
      const call = client.makeServerStreamRequest(`${HEALTH}/Watch`, asIs, asIs, healthRequest(service));
      const ended = new Promise<string>((resolve) => {
        call.on("error", (error: ServiceError) => resolve(GrpcFailure.from(error).code));
        call.on("end", () => resolve("OK"));
      });
      call.on("data", (response: Buffer) => statuses.push(response[1]));
      return { statuses, ended, cancel: () => call.cancel() };
    },
  };
}
