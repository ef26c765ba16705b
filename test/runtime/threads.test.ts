import { describe, expect, it } from "vitest";
import { DepthcastError } from "../../src/errors.ts";
import { startServer } from "../../src/runtime/server.ts";
import { eventually } from "../support/eventually.ts";
import { add, wireBatch } from "../support/flow-event.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { startTestServer } from "../support/start-server.ts";
import { connectConsumer } from "../support/test-client.ts";
import { testInstrument } from "../support/flow-rig.ts";

const anyPort = { host: "127.0.0.1", port: 0 };
const symbols = ["A", "B", "C"];
const threads = { gateways: 2, engines: 2, instruments: symbols.map((symbol) => testInstrument(symbol)) };

async function refusal(action: Promise<unknown>): Promise<DepthcastError> {
  const thrown: unknown = await action.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof DepthcastError) return thrown;
  throw new Error("was not refused", { cause: thrown });
}

describe("a server on threads", () => {
  it("has the same books on every gateway, with symbols divided over the engines", async () => {
    const server = await startTestServer(threads);
    const producer = new GrpcClient(server.grpcAddress);
    const views = symbols.map((symbol) => ({ symbol, depth: 100, intervalMs: 0 }));
    const consumers = await Promise.all(
      Array.from({ length: 8 }, () => connectConsumer(server, "grpc", views)),
    );
    const ingest = producer.openIngestAcked();
    for (const [index, symbol] of symbols.entries()) {
      await ingest.send(wireBatch(symbol, [add(1, "bid", 100 + index, 5)]));
    }
    for (const consumer of consumers) {
      await eventually(() => {
        consumer.books.check();
        return (
          consumer.books.all().length === 3 && consumer.books.all().every(({ sequence }) => sequence === 1)
        );
      });
    }
    const integrity = await server.running.checkIntegrity();
    expect(integrity.map(({ symbol }) => symbol).toSorted()).toEqual(symbols);
    expect(integrity.flatMap(({ faults }) => faults)).toEqual([]);
    expect((await server.running.stateHashes()).size).toBe(4);
    for (const consumer of consumers) consumer.close();
    producer.close();
  });

  it("knows an instrument on every gateway once it is defined", async () => {
    const server = await startTestServer(threads);
    for (let index = 0; index < 20; index += 1) {
      const symbol = `NEW-${index}`;
      const client = new GrpcClient(server.grpcAddress);
      await client.defineInstrument({ symbol, priceScale: 2, quantityScale: 0 });
      const other = new GrpcClient(server.grpcAddress);
      const { snapshot } = await other.getSnapshot({ symbol });
      expect(snapshot.sequence).toBe(0);
      client.close();
      other.close();
    }
  });

  it("tells the metrics of all threads at any gateway", async () => {
    const server = await startTestServer(threads);
    const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
    for (const thread of ["core", "gateway-0", "gateway-1", "engine-0", "engine-1"]) {
      expect(text).toContain(`depthcast_event_loop_delay_seconds{thread="${thread}",quantile="0.99"}`);
    }
    expect(text).toContain("depthcast_instruments 3\n");
  });

  it("refuses a port that another program has, also one that shares it", async () => {
    const server = await startTestServer(threads);
    const taken = { host: "127.0.0.1", port: server.running.grpcPort };
    for (const gateways of [0, 1, 2]) {
      expect(await refusal(startServer({ grpc: taken, http: anyPort, gateways }))).toMatchObject({
        code: "unavailable",
        message: expect.stringContaining("the port is in use"),
      });
    }
  });

  it("refuses what cannot be taken to other threads, and senseless numbers of them", async () => {
    const authorize = () => {};
    expect(await refusal(startServer({ ...threads, authorize }))).toMatchObject({ code: "invalid_argument" });
    for (const wrong of [{ gateways: -1 }, { gateways: 1.5 }, { gateways: 1, engines: 0 }]) {
      expect(await refusal(startServer(wrong))).toMatchObject({ code: "invalid_argument" });
    }
  });
});

describe("a gateway thread that dies", () => {
  it("is replaced: consumers come back, nothing acknowledged is lost, the ports stay", async () => {
    const server = await startTestServer(threads);
    const view = { symbol: "A", depth: 10, intervalMs: 0 };
    const before = await Promise.all(
      Array.from({ length: 6 }, () => connectConsumer(server, "grpc", [view])),
    );
    const producer = new GrpcClient(server.grpcAddress);
    await producer.openIngestAcked().send(wireBatch("A", [add(1, "bid", 100, 5)]));
    await server.running.killGateway(0);
    await eventually(async () => {
      const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
      return text.includes('thread="gateway-0"') && text.includes('thread="gateway-1"');
    });
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const back = await connectConsumer(server, attempt % 2 === 0 ? "grpc" : "json", [view]);
      await eventually(() => (back.books.check(), back.books.all()[0]?.sequence === 1));
      back.close();
    }
    for (const consumer of before) consumer.close();
    producer.close();
  });
});

describe("an engine thread that dies", () => {
  it("takes the server down, in order and with the reason", async () => {
    const server = await startTestServer(threads);
    const failed = refusal(server.running.failed);
    await server.running.killEngine(1);
    expect(await failed).toMatchObject({ code: "internal", details: { reason: "ENGINE_FAILED" } });
    await expect(fetch(`${server.httpUrl}/healthz`)).rejects.toThrow("fetch failed");
  });
});
