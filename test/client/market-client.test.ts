import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/connect-node.ts";
import type { ClientEvent } from "../../src/client/client-events.ts";
import type { ClientOptions, MarketClient } from "../../src/client/market-client.ts";
import { DepthcastError, ErrorCode } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import { closedPort } from "../support/closed-port.ts";
import { CuttableProxy } from "../support/cuttable-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";

const QUICK = { backoff: { firstDelayMs: 5, delayMaxMs: 50 } };

interface Started {
  readonly server: TestServer;
  readonly proxy: CuttableProxy;
  readonly client: MarketClient;
  readonly events: ClientEvent[];
}

/** A server with two symbols, and a client that gets at it through a proxy. */
async function start(scheme: "ws" | "grpc", limits: Partial<Limits> = {}): Promise<Started> {
  const server = await startTestServer({
    instruments: [testInstrument("A"), testInstrument("B")],
    // Long, so that no hiccup of a busy machine is taken for silence.
    limits: { heartbeatIntervalMs: 10_000, ...limits },
  });
  const target = scheme === "grpc" ? server.grpcAddress : server.httpUrl.replace("http://", "");
  const proxy = await CuttableProxy.start(target);
  const client = open(scheme === "grpc" ? `grpc://${proxy.address}` : `ws://${proxy.address}/v1/ws`);
  const events: ClientEvent[] = [];
  void (async () => {
    for await (const event of client.events()) events.push(event);
  })();
  return { server, proxy, client, events };
}

function open(addresses: string | readonly string[], options: ClientOptions = QUICK): MarketClient {
  const client = connect(addresses, options);
  onTestFinished(() => client.close());
  return client;
}

async function trade(server: TestServer, symbol: string, side: 1 | 2, price: number): Promise<void> {
  const stream = server.running.ingest.openStream(() => {});
  await stream.submit(testBatch(symbol, [addOrder(side, price, 7)]));
  stream.close();
}

async function failureOf(promise: Promise<unknown>): Promise<DepthcastError> {
  try {
    await promise;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(DepthcastError);
    return thrown as DepthcastError;
  }
  throw new Error("it did not fail");
}

describe.each(["ws", "grpc"] as const)("a client over %s", (scheme) => {
  it("shows a book in every form of its numbers", async () => {
    const { server, client } = await start(scheme);
    await trade(server, "A", 1, 12_345);
    await trade(server, "A", 2, 12_350);
    const book = await client.watch("A", { depth: 5, intervalMs: 0 });
    await eventually(() => book.bestAsk !== undefined && book.bestBid !== undefined);
    const { bestBid, spread } = book;
    expect([bestBid?.price.text, bestBid?.price.mantissa, bestBid?.price.number]).toEqual([
      "123.45",
      12_345,
      123.45,
    ]);
    expect(bestBid?.quantity.toString()).toBe("7");
    expect(spread?.text).toBe("0.05");
    expect([book.status, book.depth, book.intervalMs, book.sequence]).toEqual(["live", 5, 0, 2]);
  });

  it("gives a slow reader the newest state, and tells what it skipped", async () => {
    const { server, client } = await start(scheme);
    const book = await client.watch("A", { intervalMs: 0 });
    const reader = book[Symbol.asyncIterator]();
    await reader.next();
    for (let price = 100; price < 120; price += 1) {
      await trade(server, "A", 1, price);
      await eventually(() => book.bestBid?.price.mantissa === price);
    }
    const { value } = await reader.next();
    expect(value).toMatchObject({ sequence: 20, status: "live" });
    expect(value.skipped).toBeGreaterThanOrEqual(19);
    // Nothing waits behind it.
    const next = reader.next();
    await trade(server, "A", 1, 500);
    expect((await next).value).toMatchObject({ sequence: 21, skipped: 0 });
  });

  it("comes back after a cut, at the same place, and says so", async () => {
    const { server, proxy, client, events } = await start(scheme);
    const book = await client.watch("A", { intervalMs: 0 });
    await trade(server, "A", 1, 100);
    await eventually(() => book.bids.length === 1);
    proxy.cut();
    await eventually(() => book.status === "stale");
    expect(book.bestBid?.price.mantissa).toBe(100);
    await trade(server, "A", 1, 101);
    await eventually(() => book.status === "live" && book.bestBid?.price.mantissa === 101);
    expect(events.map(({ type }) => type)).toEqual(["connected", "disconnected", "connected"]);
  });

  it("is stale within two heartbeats of silence, and leaves a connection that is dead", async () => {
    const { server, proxy, client, events } = await start(scheme, { heartbeatIntervalMs: 100 });
    const book = await client.watch("A");
    proxy.loseAnswers();
    await eventually(() => events.some(({ type }) => type === "stale"));
    const stale = events.find((event) => event.type === "stale");
    // Of 100 ms each; a busy machine may look later, never earlier.
    expect(stale?.ageMs).toBeGreaterThanOrEqual(150);
    await eventually(() => events.some((event) => event.type === "disconnected"));
    expect(events.find((event) => event.type === "disconnected")?.error.details.reason).toBe(
      "HEARTBEATS_MISSING",
    );
    proxy.cut();
    await trade(server, "A", 2, 50);
    await eventually(() => book.status === "live" && book.asks.length === 1);
  });

  it("does not call a book live that its own thread was too busy to keep", async () => {
    const { client } = await start(scheme, { heartbeatIntervalMs: 100 });
    const book = await client.watch("A");
    const busyUntilMs = performance.now() + 300;
    while (performance.now() < busyUntilMs);
    expect(book.status).toBe("stale");
    await eventually(() => book.status === "live");
  });

  it("shares one subscription among those who watch the same, and ends it with the last", async () => {
    const { server, client } = await start(scheme);
    const views = async () => (await server.metrics()).sum("depthcast_subscriptions");
    const [first, second] = await Promise.all([
      client.watch("A"),
      client.watch("A", { depth: 20, intervalMs: 50 }),
    ]);
    await client.watch("B");
    expect(await views()).toBe(2);
    first.close();
    expect([first.status, second.status]).toEqual(["closed", "live"]);
    second.close();
    await eventually(async () => (await views()) === 1);
  });

  it("rejects what the server refuses, and leaves the other books alone", async () => {
    const { client } = await start(scheme);
    const book = await client.watch("A");
    expect(await failureOf(client.watch("NOBODY"))).toMatchObject({ code: ErrorCode.notFound });
    expect(await failureOf(client.watch("A", { depth: 100_000 }))).toMatchObject({
      code: ErrorCode.invalidArgument,
    });
    expect(book.status).toBe("live");
  });

  it("ends every book and every reader when it is closed", async () => {
    const { client } = await start(scheme);
    const book = await client.watch("A");
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { status } of book) seen.push(status);
    })();
    client.close();
    await reading;
    expect(book.status).toBe("closed");
    expect(seen.at(-1)).toBe("closed");
    expect(await failureOf(client.watch("A"))).toMatchObject({ code: ErrorCode.aborted });
  });

  it("says what to do where no server is, after it has tried every address", async () => {
    const port = await closedPort();
    const address = scheme === "grpc" ? `grpc://127.0.0.1:${port}` : `ws://127.0.0.1:${port}/v1/ws`;
    const failure = await failureOf(open([address, address]).watch("A"));
    expect(failure.code).toBe(ErrorCode.unavailable);
    expect(failure.message).toContain("npx depthcast serve");
  });
});

describe("a client of several servers", () => {
  it("goes on at the next, from gRPC to WebSocket, and by position where it is the same log", async () => {
    const { server, proxy } = await start("grpc");
    const client = open([`grpc://${proxy.address}`, `${server.httpUrl.replace("http", "ws")}/v1/ws`]);
    await trade(server, "A", 1, 100);
    const book = await client.watch("A", { intervalMs: 0 });
    const events = client.events();
    const position = book.position;
    proxy.cut();
    expect((await events.next()).value).toMatchObject({ type: "disconnected" });
    expect((await events.next()).value).toMatchObject({
      type: "connected",
      address: expect.stringMatching(/^ws:/),
    });
    await eventually(() => book.status === "live");
    expect(book.position).toEqual(position);
  });

  it.each(["127.0.0.1:8080", "http://x", "ws//x", ""])("refuses %j as an address", (address) => {
    expect(() => connect(address)).toThrow(/is no address/);
  });
});
