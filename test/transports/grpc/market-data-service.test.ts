import { connect, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import { SubscribeRequestSchema } from "../../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { eventually } from "../../support/eventually.ts";
import { GrpcClient, type WireBatch } from "../../support/grpc-client.ts";
import { GrpcFailure } from "../../support/grpc-failure.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startTestServer } from "../../support/start-server.ts";
import type { SubscriptionOptions, Update } from "../../support/update.ts";

const SYMBOLS = ["AAA", "BBB", "CCC"];

async function start(options: Parameters<typeof startTestServer>[0] = {}) {
  const server = await startTestServer(options);
  const client = new GrpcClient(server.grpcAddress);
  onTestFinished(() => client.close());
  for (const symbol of SYMBOLS) await client.defineInstrument({ symbol, crossPolicy: "flag" });
  return { server, client };
}

/** `levels` bids whose quantities depend on `round`. */
function bids(symbol: string, levels: number, round = 1): WireBatch {
  const events = Array.from({ length: levels }, (_, index) => ({
    action: "ORDER_ACTION_SET_LEVEL",
    side: "SIDE_BID",
    price: String(1_000_000 - index),
    quantity: String(1_000_000_000 + round),
  }));
  return { symbol, events };
}

async function failure(call: Promise<unknown>): Promise<GrpcFailure> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof GrpcFailure) return thrown;
    throw thrown;
  }
  throw new Error("the call ended with OK");
}

function violation(error: GrpcFailure): unknown {
  const value = error.details.find(({ type }) => type === "BadRequest")?.value as
    | { fieldViolations: { field: string }[] }
    | undefined;
  return value?.fieldViolations[0]?.field;
}

/** A subscription to AAA over plain HTTP/2. What comes is not read, so its window is not renewed. */
function openRawStream(address: string, windowBytes: number) {
  const session = connect(`http://${address}`, { settings: { initialWindowSize: windowBytes } });
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": "/depthcast.v1.MarketDataService/Subscribe",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const subscriptions = [{ symbol: "AAA", depth: 10, intervalMs: 0 }];
  const request = toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, { subscriptions }));
  const header = Buffer.alloc(5);
  header.writeUInt32BE(request.length, 1);
  stream.end(Buffer.concat([header, request]));
  return { session, stream, bytes: () => session.state.effectiveRecvDataLength ?? 0 };
}

describe("Subscribe", () => {
  it("gives each symbol its Subscribed and Snapshot, then one message for all symbols of a flush", async () => {
    const { client } = await start();
    const kinds: string[] = [];
    const subscription = client.subscribe(
      SYMBOLS.map((symbol) => ({ symbol, intervalMs: 0 })),
      (update) => kinds.push(`${update.kind} ${update.symbol}`),
    );
    await eventually(() => kinds.length >= 6);
    const head = kinds.slice(0, 6);
    for (const symbol of SYMBOLS) {
      expect(head.indexOf(`subscribed ${symbol}`)).toBeGreaterThanOrEqual(0);
      expect(head.indexOf(`snapshot ${symbol}`)).toBeGreaterThan(head.indexOf(`subscribed ${symbol}`));
    }
    expect(subscription.updatesMax).toBeGreaterThan(1);
    await client.ingest(SYMBOLS.map((symbol) => bids(symbol, 3)));
    await eventually(() => subscription.books.all().every((book) => book.sequence === 3));
    subscription.cancel();
  });

  const wrong: [string, string | undefined, readonly SubscriptionOptions[]][] = [
    ["NOT_FOUND", "subscriptions[1].symbol", [{ symbol: "AAA" }, { symbol: "NOPE" }]],
    ["NOT_FOUND", "subscriptions[0].symbol", [{ symbol: "" }]],
    ["INVALID_ARGUMENT", "subscriptions", []],
    ["INVALID_ARGUMENT", "subscriptions[1].depth", [{ symbol: "AAA" }, { symbol: "BBB", depth: 1001 }]],
    ["INVALID_ARGUMENT", "subscriptions[0].interval_ms", [{ symbol: "AAA", intervalMs: 30 }]],
    ["INVALID_ARGUMENT", "subscriptions[0].id", [{ symbol: "AAA", id: "i".repeat(65) }]],
    [
      "ALREADY_EXISTS",
      "subscriptions[2]",
      [{ symbol: "AAA" }, { symbol: "BBB" }, { symbol: "AAA", depth: 20 }],
    ],
    [
      "RESOURCE_EXHAUSTED",
      "subscriptions",
      Array.from({ length: 257 }, (_, index) => ({ symbol: "AAA", depth: index + 1 })),
    ],
  ];
  it.each(wrong)("refuses with %s for %s before anything is sent", async (code, field, subscriptions) => {
    const { client } = await start();
    const updates: Update[] = [];
    const healthy = client.subscribe([{ symbol: "CCC", intervalMs: 0 }]);
    const refused = client.subscribe(subscriptions, (update) => updates.push(update));
    const error = await failure(refused.ended);
    expect(error.code).toBe(code);
    expect(error.message).toContain(field);
    expect(violation(error)).toBe(field);
    expect(updates).toEqual([]);
    await client.ingest([bids("CCC", 1)]);
    await eventually(() => healthy.books.all()[0]?.sequence === 1);
    healthy.cancel();
  });

  it("refuses what is no SubscribeRequest", async () => {
    const { client } = await start();
    for (const bytes of [Buffer.from([0xff]), Buffer.from([0x0a, 0x04, 0x0a, 0x02, 0xc3, 0x28])]) {
      const call = client.rawStream("/depthcast.v1.MarketDataService/Subscribe");
      const ended = new Promise((_resolve, reject) =>
        call.on("error", (error) => reject(GrpcFailure.from(error as never))),
      );
      call.on("data", () => {});
      call.end(bytes);
      expect(await failure(ended)).toMatchObject({ code: "INVALID_ARGUMENT" });
    }
  });

  it("splits a flush that is over the limit of a response, and loses nothing", async () => {
    const { client } = await start({ limits: { responseBytesMax: 4096 } });
    await client.ingest(SYMBOLS.map((symbol) => bids(symbol, 200)));
    const subscription = client.subscribe(SYMBOLS.map((symbol) => ({ symbol, depth: 200, intervalMs: 50 })));
    await eventually(() => {
      const books = subscription.books.all();
      return books.length === 3 && books.every((book) => book.sequence === 200);
    });
    expect(subscription.responses).toBeGreaterThanOrEqual(3);
    const before = subscription.responses;
    await client.ingest(SYMBOLS.map((symbol) => bids(symbol, 200, 2)));
    await eventually(() => subscription.books.all().every((book) => book.sequence === 400));
    expect(subscription.responses - before).toBeGreaterThanOrEqual(3);
    subscription.cancel();
  });

  it("resets a stream that takes nothing, and leaves its neighbour alone", async () => {
    const clock = new ManualClock();
    const { client, server } = await start({ clock });
    const frozen = client.subscribe([{ symbol: "AAA", depth: 1000, intervalMs: 0 }]);
    await eventually(() => frozen.responses > 0);
    frozen.pause();
    const neighbour = new GrpcClient(server.grpcAddress);
    onTestFinished(() => neighbour.close());
    const healthy = neighbour.subscribe([{ symbol: "AAA", depth: 10, intervalMs: 0 }]);
    let round = 0;
    const grow = async () => {
      round += 1;
      await neighbour.ingest([bids("AAA", 1000, round)]);
      await eventually(() => {
        clock.advance(20);
        return healthy.books.all()[0]?.sequence === round * 1000;
      });
    };
    const metric = async (name: string) => (await server.metrics()).sum(name);
    // What the client takes before its window is full is its own affair; an unwritable moment is no stall.
    while ((await metric("depthcast_consumers_cut_off_total")) === 0) {
      await grow();
      if ((await metric("depthcast_consumers_unwritable")) > 0) await clock.pass(40_000, 1000);
    }
    // grpc-js tells of the end only when what came before it is read.
    frozen.resume();
    expect(await failure(frozen.ended)).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    await grow();
    expect(healthy.isOver).toBe(false);
    frozen.books.check();
    healthy.cancel();
  });

  it("resets a stream whose window ends where a response does, when it takes nothing more", async () => {
    const clock = new ManualClock();
    const { client, server } = await start({ clock });
    const roomy = openRawStream(server.grpcAddress, 65_535);
    await eventually(() => roomy.bytes() > 0);
    const held = openRawStream(server.grpcAddress, 0);
    const metric = async (name: string) => (await server.metrics()).sum(name);
    const waits = async () => (await metric("depthcast_consumers_unwritable")) === 1;
    await eventually(waits);
    const first = roomy.bytes();
    // The held one is asked, and is to tell when it has taken its first response.
    await client.ingest([bids("AAA", 1)]);
    await eventually(() => {
      clock.advance(20);
      return roomy.bytes() > first;
    });
    held.session.settings({ initialWindowSize: first });
    await eventually(() => held.bytes() === first);
    await clock.pass(40_000, 1000);
    await eventually(async () => (await metric("depthcast_consumers_cut_off_total")) === 1);
    expect(held.bytes()).toBe(first);
    await eventually(() => held.stream.rstCode === constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });

  it("says SHUTDOWN and UNAVAILABLE when the server stops", async () => {
    const { client, server } = await start();
    const notices: Update[] = [];
    const subscription = client.subscribe([{ symbol: "AAA" }], (update) => {
      if (update.kind === "notice") notices.push(update);
    });
    await eventually(() => subscription.responses > 0);
    await server.stop();
    expect(await failure(subscription.ended)).toMatchObject({ code: "UNAVAILABLE" });
    expect(notices).toMatchObject([{ code: "shutdown" }]);
  });
});

describe("GetSnapshot", () => {
  it("gives 20 levels where no depth is named, and the depth asked for otherwise", async () => {
    const { client } = await start();
    await client.ingest([bids("AAA", 30)]);
    expect((await client.getSnapshot({ symbol: "AAA" })).snapshot.bids).toHaveLength(20);
    const { snapshot } = await client.getSnapshot({ symbol: "AAA", depth: 25 });
    expect(snapshot.bids).toHaveLength(25);
    expect(snapshot.bids[0]).toEqual([1_000_000, 1_000_000_001, 1]);
  });

  it("waits for the sequence asked for, to the deadline", async () => {
    const { client } = await start();
    const waiting = client.getSnapshot({ symbol: "AAA", minSequence: 2 });
    await client.ingest([bids("AAA", 1)]);
    await client.ingest([bids("AAA", 1)]);
    expect((await waiting).snapshot.sequence).toBe(2);
    const late = await failure(client.getSnapshot({ symbol: "AAA", minSequence: 3 }, 200));
    expect(late.code).toBe("DEADLINE_EXCEEDED");
    const never = await failure(client.getSnapshot({ symbol: "AAA", minSequence: "9007199254740993" }, 200));
    expect(never.code).toBe("DEADLINE_EXCEEDED");
  });

  it.each([
    ["NOT_FOUND", { symbol: "NOPE" }],
    ["NOT_FOUND", { symbol: "not a symbol" }],
    ["INVALID_ARGUMENT", { symbol: "AAA", depth: 1001 }],
    ["FAILED_PRECONDITION", { symbol: "AAA", epoch: "1" }],
  ])("refuses with %s for %j", async (code, request) => {
    const { client } = await start();
    const error = await failure(client.getSnapshot(request));
    expect(error.code).toBe(code);
    expect(error.details.map(({ type }) => type)).toContain("ErrorInfo");
  });
});

describe("ListInstruments", () => {
  it("lists them in the order of their definition", async () => {
    const { client } = await start();
    expect((await client.listInstruments()).map(({ symbol }) => symbol)).toEqual(SYMBOLS);
  });
});
