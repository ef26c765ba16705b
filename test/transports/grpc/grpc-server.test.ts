import { describe, expect, it, onTestFinished } from "vitest";
import { DepthcastError, ErrorCode } from "../../../src/errors.ts";
import { startServer } from "../../../src/runtime/server.ts";
import { eventually } from "../../support/eventually.ts";
import { GrpcClient } from "../../support/grpc-client.ts";
import { sendUntilHeldBack } from "../../support/held-back.ts";
import { healthClient, HealthStatus } from "../../support/health-client.ts";
import { startTestServer } from "../../support/start-server.ts";

const MARKET_DATA = "depthcast.v1.MarketDataService";

async function failure(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (thrown) {
    return thrown;
  }
  throw new Error("nothing was thrown");
}

describe("health", () => {
  it("answers for the server and its services, and knows no others", async () => {
    const server = await startTestServer();
    const health = healthClient(server.grpcAddress);
    for (const service of ["", MARKET_DATA, "depthcast.v1.IngestService"]) {
      expect(await health.check(service)).toBe(HealthStatus.serving);
    }
    expect(await failure(health.check("no.such.Service"))).toMatchObject({ code: "NOT_FOUND" });
  });

  it("tells watchers when the server stops, then ends them", async () => {
    const server = await startTestServer();
    const health = healthClient(server.grpcAddress);
    const known = health.watch(MARKET_DATA);
    const unknown = health.watch("no.such.Service");
    await eventually(() => known.statuses.length === 1 && unknown.statuses.length === 1);
    await server.stop();
    expect(await known.ended).toBe("UNAVAILABLE");
    expect(known.statuses).toEqual([HealthStatus.serving, HealthStatus.notServing]);
    expect(unknown.statuses).toEqual([HealthStatus.serviceUnknown]);
    expect(await unknown.ended).toBe("UNAVAILABLE");
  });
});

describe("the gRPC server", () => {
  it("tells what to do when its port is in use", async () => {
    const server = await startTestServer();
    const refused = await failure(
      startServer({
        grpc: { host: "127.0.0.1", port: server.running.grpcPort },
        http: { host: "127.0.0.1", port: 0 },
      }),
    );
    expect(refused).toBeInstanceOf(DepthcastError);
    expect(refused).toMatchObject({ code: ErrorCode.unavailable });
    expect((refused as Error).message).toMatch(new RegExp(`${server.running.grpcPort}.*in use`));
  });

  it("refuses calls of connections over the limit with RESOURCE_EXHAUSTED, and takes new ones later", async () => {
    // On threads each gateway has its share of the limit, and the kernel says who gets which connection.
    const server = await startTestServer({ gateways: 0, limits: { connectionsMax: 2 } });
    const clients = Array.from({ length: 3 }, () => new GrpcClient(server.grpcAddress));
    onTestFinished(() => {
      for (const client of clients) client.close();
    });
    const [first, second, third] = clients as [GrpcClient, GrpcClient, GrpcClient];
    // One channel a service: each client has one connection until it uses the other service too.
    await first.listInstruments();
    await second.listInstruments();
    const refused = await failure(third.listInstruments());
    expect(refused).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect((refused as Error).message).toContain("connectionsMax");
    await first.listInstruments();
    first.close();
    await eventually(async () => {
      await third.listInstruments();
      return true;
    });
  });

  it("lets through only what `authorize` allows, and never shows it the health checks", async () => {
    const seen: string[] = [];
    const server = await startTestServer({
      // A function cannot be given to other threads.
      gateways: 0,
      authorize: ({ operation, transport, remoteAddress }) => {
        seen.push(`${transport} ${operation} ${remoteAddress}`);
        if (operation === "ingest") throw new DepthcastError(ErrorCode.permissionDenied, "not you");
        if (operation === "define") throw new DepthcastError(ErrorCode.unauthenticated, "who are you?");
      },
    });
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    expect(await failure(client.ingest([]))).toMatchObject({ code: "PERMISSION_DENIED" });
    expect(await failure(client.openIngestAcked().ended)).toMatchObject({ code: "PERMISSION_DENIED" });
    expect(await failure(client.defineInstrument({ symbol: "A" }))).toMatchObject({
      code: "UNAUTHENTICATED",
    });
    await client.listInstruments();
    await healthClient(server.grpcAddress).check("");
    expect(seen).toEqual([
      "grpc ingest 127.0.0.1",
      "grpc ingest 127.0.0.1",
      "grpc define 127.0.0.1",
      "grpc market_data 127.0.0.1",
    ]);
  });

  it("answers what a producer sent before it stops, and then UNAVAILABLE", async () => {
    const server = await startTestServer();
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    await client.defineInstrument({ symbol: "A" });
    const acked = client.openIngestAcked();
    await acked.send({ symbol: "A", events: [] });
    const idle = client.openIngest();
    await idle.write({ symbol: "A", events: [] });
    await client.getSnapshot({ symbol: "A" });
    await server.stop();
    expect(await failure(acked.ended)).toMatchObject({ code: "UNAVAILABLE" });
    expect(acked.acks).toHaveLength(1);
    expect(await failure(idle.response)).toMatchObject({ code: "UNAVAILABLE" });
    expect(await failure(client.listInstruments())).toMatchObject({ code: "UNAVAILABLE" });
  });

  it("does not wait longer than the timeout for a call that will not end", async () => {
    const server = await startTestServer({ limits: { shutdownTimeoutMs: 200 } });
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    await client.defineInstrument({ symbol: "A", crossPolicy: "flag" });
    const stuck = client.subscribe([{ symbol: "A", depth: 1000, intervalMs: 0 }]);
    await eventually(() => stuck.responses > 0);
    stuck.pause();
    let round = 0;
    await sendUntilHeldBack(server, async () => {
      round += 1;
      const events = Array.from({ length: 1000 }, (_, index) => ({
        action: "ORDER_ACTION_SET_LEVEL",
        side: "SIDE_BID",
        price: String(10_000 + index),
        quantity: String(1_000_000_000 + round),
      }));
      await client.ingest([{ symbol: "A", events }]);
    });
    const began = performance.now();
    await server.stop();
    expect(performance.now() - began).toBeLessThan(3000);
    stuck.cancel();
  });
});
