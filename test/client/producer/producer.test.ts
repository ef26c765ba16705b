import { describe, expect, onTestFinished, test } from "vitest";
import { CrossPolicy } from "../../../src/book/instrument.ts";
import { OrderAction, Side } from "../../../src/book/order-events.ts";
import { GrpcClient } from "../../../src/client/grpc-client.ts";
import type { ProducerEvent } from "../../../src/client/ingest-batch-writer.ts";
import { IngestStream } from "../../../src/client/ingest-stream.ts";
import { Producer } from "../../../src/client/producer/producer.ts";
import type { ProducerOptions, ProducerStatus } from "../../../src/client/producer/producer-options.ts";
import { closedPort } from "../../support/closed-port.ts";
import { CuttableProxy } from "../../support/cuttable-proxy.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { withSeed } from "../../support/random.ts";
import { ServerProcess } from "../../support/server-process.ts";
import { startTestServer, type TestServer } from "../../support/start-server.ts";

const instrument = {
  symbol: "X",
  priceScale: 2,
  quantityScale: 0,
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  description: "",
};
/** Soon enough for a test. */
const QUICK = { firstDelayMs: 5, delayMaxMs: 20 };

async function startServer(limits: NonNullable<Parameters<typeof startTestServer>[0]>["limits"] = {}) {
  return startTestServer({ instruments: [instrument], limits });
}

/** A server behind a proxy, and a producer that knows the proxy only. */
async function start(options: Partial<ProducerOptions> = {}, limits = {}) {
  const server = await startServer(limits);
  const proxy = await CuttableProxy.start(server.grpcAddress);
  const seen: ProducerStatus[] = [];
  const producer = await Producer.open({
    target: proxy.address,
    producerId: "p",
    backoff: QUICK,
    onStatus: (status) => seen.push(status),
    ...options,
  });
  onTestFinished(() => producer.abort());
  return { server, proxy, producer, seen, client: connect(server) };
}

function connect(server: TestServer): GrpcClient {
  const client = new GrpcClient(server.grpcAddress);
  onTestFinished(() => client.close());
  return client;
}

/** The level of one price says how many of these were applied, and which was last. */
function level(quantity: number): ProducerEvent {
  return { action: OrderAction.setLevel, side: Side.bid, price: 100, quantity };
}

function bid(orderId: bigint): ProducerEvent {
  return { action: OrderAction.add, orderId, side: Side.bid, price: 1, quantity: 1 };
}

async function writeLevels(producer: Producer, from: number, to: number): Promise<void> {
  for (let quantity = from; quantity <= to; quantity += 1) await producer.write("X", level(quantity));
}

/** Every one of `events` levels was applied once, in order. */
async function expectLevels(client: GrpcClient, events: number): Promise<void> {
  const { snapshot } = await client.getSnapshot("X");
  expect(snapshot).toMatchObject({ sequence: events, bids: [{ price: 100, quantity: events }] });
}

async function failureOf(producer: Producer): Promise<unknown> {
  try {
    await producer.flush();
  } catch (thrown) {
    return thrown;
  }
  throw new Error("the producer went on");
}

describe("batches", () => {
  test("are made by count, by a change of symbol and by time", async () => {
    const clock = new ManualClock();
    const { producer, client } = await start({ clock, batchEventsMax: 3, lingerMs: 50 });
    await client.defineInstrument({ ...instrument, symbol: "Y" });
    await writeLevels(producer, 1, 3);
    await eventually(() => producer.acknowledgedBatch === 1);
    await producer.write("X", level(4));
    await producer.write("Y", level(1));
    await eventually(() => producer.acknowledgedBatch === 2);
    clock.advance(49);
    expect(await client.producerPosition("p")).toBe(2);
    clock.advance(1);
    await eventually(() => producer.acknowledgedBatch === 3);
    expect(producer.totals).toMatchObject({ acceptedEvents: 5, rejectedEvents: 0, uncountedBatches: 0 });
    expect(producer.position("X")?.sequence).toBe(4);
  });

  test("are made by bytes as well, so that none is too large for a server", async () => {
    const roomy = { eventsPerBatchMax: 1_000_000, requestBytesMax: 1100 * 1024 };
    const { producer } = await start({ batchEventsMax: 1_000_000, lingerMs: 1e6 }, roomy);
    const orderKey = "k".repeat(64);
    for (let made = 0; producer.acknowledgedBatch === 0 && made < 30_000; made += 1) {
      await producer.write("X", { action: OrderAction.delete, orderKey });
    }
    await producer.flush();
    expect(producer.acknowledgedBatch).toBeGreaterThan(1);
  });

  test("go on from the last number of an earlier producer of the id", async () => {
    const { producer, server, client } = await start();
    await writeLevels(producer, 1, 3);
    await producer.close();
    const next = await Producer.open({ target: server.grpcAddress, producerId: "p", batchEventsMax: 1 });
    await writeLevels(next, 4, 5);
    expect(await next.close()).toMatchObject({ acceptedEvents: 2, duplicateBatches: 0 });
    await expectLevels(client, 5);
    expect(() => next.write("X", level(6))).toThrow('producer "p" is closed');
  });
});

describe("after a lost connection", () => {
  test("what the server did not get is sent again", async () => {
    const { producer, proxy, client, seen } = await start({ batchEventsMax: 2 });
    await writeLevels(producer, 1, 10);
    await producer.flush();
    proxy.cut();
    await writeLevels(producer, 11, 20);
    await producer.flush();
    await expectLevels(client, 20);
    expect(producer.totals).toMatchObject({ acceptedEvents: 20, uncountedEvents: 0 });
    expect(seen.map(({ phase }) => phase)).toEqual(["reconnecting", "connected"]);
    expect(seen[0]).toMatchObject({ attempts: 1, cause: { code: "unavailable" } });
  });

  test("what was applied while its acknowledgement was lost is told as not counted", async () => {
    const { producer, proxy, client } = await start({ batchEventsMax: 2 });
    await writeLevels(producer, 1, 4);
    await producer.flush();
    proxy.loseAnswers();
    await writeLevels(producer, 5, 10);
    await eventually(async () => (await client.producerPosition("p")) === 5);
    expect(producer.acknowledgedBatch).toBe(2);
    proxy.cut();
    await producer.flush();
    await expectLevels(client, 10);
    expect(await producer.close()).toMatchObject({
      acceptedEvents: 4,
      rejectedEvents: 0,
      uncountedBatches: 3,
      uncountedEvents: 6,
    });
  });

  test("however often it is lost, each event counts once, in order", () =>
    withSeed(async (random) => {
      const { producer, proxy, client } = await start({ batchEventsMax: 3, batchesInFlightMax: 8 });
      for (let quantity = 1; quantity <= 3000; quantity += 1) {
        await producer.write("X", level(quantity));
        if (random.chance(0.7)) proxy.loseAnswers();
        if (random.chance(1)) proxy.cut();
        if (random.chance(2)) await new Promise((resolve) => setImmediate(resolve));
      }
      proxy.cut();
      await producer.flush();
      await expectLevels(client, 3000);
      const { acceptedEvents, uncountedEvents, rejectedEvents } = producer.totals;
      expect({ events: acceptedEvents + uncountedEvents, rejectedEvents }).toEqual({
        events: 3000,
        rejectedEvents: 0,
      });
    }));

  test("because a gateway thread died, it goes on with the next one", { timeout: 60_000 }, async () => {
    const server = await ServerProcess.start({ gateways: 2, engines: 1 });
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    await client.defineInstrument(instrument);
    const producers: Producer[] = [];
    const phases = new Set<string>();
    for (let number = 0; number < 4; number += 1) {
      const symbol = `S${number}`;
      await client.defineInstrument({ ...instrument, symbol });
      const producerId = `p${number}`;
      const onStatus = ({ phase }: ProducerStatus) => phases.add(`${producerId} ${phase}`);
      const target = server.grpcAddress;
      producers.push(
        await Producer.open({ target, producerId, batchEventsMax: 3, backoff: QUICK, onStatus }),
      );
    }
    const write = async (producer: Producer, number: number) => {
      for (let quantity = 1; quantity <= 4000; quantity += 1) {
        await producer.write(`S${number}`, level(quantity));
        if (quantity % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await producer.close();
    };
    const written = Promise.all(producers.map(write));
    for (const reader of [0, 1]) {
      const before = producers.reduce((sum, { acknowledgedBatch }) => sum + acknowledgedBatch, 0);
      await eventually(
        () => producers.reduce((sum, { acknowledgedBatch }) => sum + acknowledgedBatch, 0) > before + 200,
      );
      await server.killGateway(reader);
    }
    await written;
    for (const number of producers.keys()) expect(phases).toContain(`p${number} connected`);
    for (const number of producers.keys()) {
      await eventually(async () => {
        const { snapshot } = await client.getSnapshot(`S${number}`);
        expect(snapshot).toMatchObject({ sequence: 4000, bids: [{ price: 100, quantity: 4000 }] });
        return true;
      });
    }
  });

  test("while the server is gone, write waits once the bound of what is kept is reached", async () => {
    const { producer, proxy, server } = await start({ batchEventsMax: 1, keptBytesMax: 3000 });
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    let waiting: Promise<void> | undefined;
    let written = 0;
    while (waiting === undefined) waiting = producer.write("X", level((written += 1)));
    expect(written).toBeLessThan(15);
    // A caller that does not wait is stopped before long.
    expect(() => {
      for (let more = 1; more <= 100; more += 1) void producer.write("X", level(written + more));
    }).toThrow("await what write() answers");
    proxy.leadTo(server.grpcAddress);
    await waiting;
    await producer.flush();
    expect(producer.status.phase).toBe("connected");
    expect(producer.totals.acceptedEvents).toBeGreaterThan(written);
  });

  test("gives up after the attempts that it was given, and says why", async () => {
    const { producer, proxy } = await start({ backoff: { ...QUICK, attemptsMax: 3 } });
    const address = `127.0.0.1:${await closedPort()}`;
    await writeLevels(producer, 1, 1);
    await producer.flush();
    proxy.leadTo(address);
    proxy.cut();
    void producer.write("X", level(2));
    expect(await failureOf(producer)).toMatchObject({
      code: "unavailable",
      message: expect.stringMatching(
        /^producer "p" has stopped \(acknowledged up to 1\): gave up after 3 attempts: /,
      ) as unknown,
      details: { metadata: { acknowledged: "1" } },
    });
    expect(() => producer.write("X", level(3))).toThrow("gave up");
  });

  test("waits between the attempts by the clock and the random numbers that it was given", async () => {
    const clock = new ManualClock();
    const { producer, proxy, server } = await start({
      clock,
      random: () => 0.5,
      backoff: { firstDelayMs: 1000, delayMaxMs: 60_000 },
    });
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    await eventually(() => producer.status.phase === "reconnecting" && clock.waiting === 1);
    clock.advance(499);
    expect(clock.waiting).toBe(1);
    clock.advance(1);
    await eventually(() => producer.status.phase === "reconnecting" && producer.status.attempts === 2);
    proxy.leadTo(server.grpcAddress);
    clock.advance(999);
    expect(producer.status.phase).toBe("reconnecting");
    clock.advance(1);
    await eventually(() => producer.status.phase === "connected");
  });
});

describe("another server behind the address", () => {
  test("that has nothing of what was not acknowledged gets it all", async () => {
    const { producer, proxy, server } = await start({ batchEventsMax: 1 });
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    await server.stop();
    await writeLevels(producer, 1, 5);
    const next = await startServer();
    proxy.leadTo(next.grpcAddress);
    await producer.flush();
    await expectLevels(connect(next), 5);
  });

  test("that forgot what was acknowledged ends the producer, and gets nothing", async () => {
    const { producer, proxy, server } = await start({ batchEventsMax: 1 });
    await writeLevels(producer, 1, 5);
    await producer.flush();
    const next = await startServer();
    proxy.leadTo(next.grpcAddress);
    await server.stop();
    expect(producer.status.phase).not.toBe("closed");
    await eventually(() => producer.status.phase === "failed");
    expect(() => producer.write("X", level(6))).toThrow("its order log was replaced");
    expect(await failureOf(producer)).toMatchObject({
      code: "failed_precondition",
      details: {
        reason: "ACKNOWLEDGED_BATCHES_LOST",
        metadata: { position: "0", acknowledged: "5" },
      },
    });
    expect((await connect(next).getSnapshot("X")).snapshot.sequence).toBe(0);
  });

  test("of another epoch ends the producer, though its number would fit", async () => {
    const { producer, proxy, server } = await start({ batchEventsMax: 1 });
    await writeLevels(producer, 1, 2);
    await producer.flush();
    const next = await startServer();
    const stranger = await IngestStream.open(connect(next), { producerId: "p", batchEventsMax: 1 });
    for (const id of [1n, 2n]) await stranger.write("X", bid(id));
    await stranger.close();
    proxy.leadTo(next.grpcAddress);
    await server.stop();
    void producer.write("X", level(3));
    expect(await failureOf(producer)).toMatchObject({
      code: "failed_precondition",
      details: { reason: "EPOCH_CHANGED" },
    });
    expect((await connect(next).getSnapshot("X")).snapshot.sequence).toBe(2);
  });
});

describe("stops for good where", () => {
  test("a newer stream took its id over", async () => {
    const { producer, client } = await start();
    await writeLevels(producer, 1, 1);
    await producer.flush();
    const other = await IngestStream.open(client, { producerId: "p" });
    await other.write("X", bid(1n));
    await other.settle();
    await eventually(() => producer.status.phase === "failed");
    expect(await failureOf(producer)).toMatchObject({
      code: "aborted",
      details: { reason: "PRODUCER_REPLACED" },
    });
  });

  test("another used its id while the connection was lost", async () => {
    const { producer, client, proxy, server } = await start();
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    const other = await IngestStream.open(client, { producerId: "p" });
    await other.write("X", bid(1n));
    await other.close();
    proxy.leadTo(server.grpcAddress);
    await eventually(() => producer.status.phase === "failed");
    expect(await failureOf(producer)).toMatchObject({
      code: "aborted",
      details: { reason: "PRODUCER_AHEAD" },
    });
  });

  test("the symbol is unknown", async () => {
    const { producer } = await start();
    await writeLevels(producer, 1, 1);
    await producer.write("NOPE", level(1));
    expect(await failureOf(producer)).toMatchObject({
      code: "not_found",
      message: expect.stringContaining('(acknowledged up to 1): batch 2: unknown symbol "NOPE"') as unknown,
      details: { reason: "UNKNOWN_SYMBOL", field: "symbol" },
    });
  });

  test("a batch is over a limit of the server", async () => {
    const { producer } = await start({ batchEventsMax: 20 }, { eventsPerBatchMax: 10 });
    await writeLevels(producer, 1, 20);
    expect(await failureOf(producer)).toMatchObject({ code: "invalid_argument" });
  });

  test("a batch is larger than the server reads", async () => {
    const { producer } = await start({ batchEventsMax: 200 }, { requestBytesMax: 1024 });
    await writeLevels(producer, 1, 200);
    await expect(producer.flush()).rejects.toThrow("requestBytesMax");
  });

  test("the server has room for no further producer", async () => {
    const { producer, client } = await start({}, { producersMax: 1 });
    const other = await IngestStream.open(client, { producerId: "q" });
    await other.write("X", bid(1n));
    await other.settle();
    await writeLevels(producer, 1, 1);
    expect(await failureOf(producer)).toMatchObject({
      code: "resource_exhausted",
      details: { reason: "PRODUCERS_MAX" },
    });
  });

  test("the event cannot be written: that one alone is refused", async () => {
    const { producer, client } = await start();
    expect(() => producer.write("X", level(-1))).toThrow("quantity");
    await writeLevels(producer, 1, 2);
    await producer.flush();
    await expectLevels(client, 2);
  });
});

test("a wrong address is told at once", async () => {
  const target = `127.0.0.1:${await closedPort()}`;
  await expect(Producer.open({ target, producerId: "p" })).rejects.toThrow(
    `no depthcast server at ${target}`,
  );
  await expect(Producer.open({ target, producerId: "" })).rejects.toThrow("producerId");
});

test("abort ends it in the midst of a wait", async () => {
  const { producer, proxy } = await start();
  proxy.leadTo(`127.0.0.1:${await closedPort()}`);
  proxy.cut();
  void producer.write("X", level(1));
  const flushed = failureOf(producer);
  await eventually(() => producer.status.phase === "reconnecting");
  producer.abort();
  expect(await flushed).toMatchObject({ code: "aborted" });
  expect(producer.status).toEqual({ phase: "closed" });
});
