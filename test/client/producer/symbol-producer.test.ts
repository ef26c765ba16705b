import { describe, expect, onTestFinished, test } from "vitest";
import { OrderAction, Side } from "../../../src/book/order-events.ts";
import { RejectReason } from "../../../src/book/rejection.ts";
import type { ClientOptions } from "../../../src/client/market-client.ts";
import { connect } from "../../../src/client/connect-node.ts";
import type { NodeClient } from "../../../src/client/node-client.ts";
import type { Rejection, SymbolProducer } from "../../../src/client/producer/symbol-producer.ts";
import { ErrorCode } from "../../../src/errors.ts";
import { closedPort } from "../../support/closed-port.ts";
import { CuttableProxy } from "../../support/cuttable-proxy.ts";
import { eventually } from "../../support/eventually.ts";
import { testInstrument } from "../../support/flow-rig.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { startTestServer, type TestServer } from "../../support/start-server.ts";

const QUICK: ClientOptions = { backoff: { firstDelayMs: 5, delayMaxMs: 20 } };

function startServer(): Promise<TestServer> {
  return startTestServer({ instruments: [testInstrument("A", { priceScale: 2, quantityScale: 3 })] });
}

function open(addresses: string | readonly string[], options = QUICK): NodeClient {
  const client = connect(addresses, options);
  onTestFinished(() => client.close());
  return client;
}

function grpc(address: string): string {
  return `grpc://${address}`;
}

async function bookOf(client: NodeClient, producer: SymbolProducer) {
  const book = await client.watch("A", { intervalMs: 0 });
  await eventually(() => book.sequence === producer.position?.sequence);
  const texts = (levels: typeof book.bids) =>
    levels.map(({ price, quantity, orderCount }) => [price.text, quantity.text, orderCount]);
  return { bids: texts(book.bids), asks: texts(book.asks) };
}

describe("a producer of a symbol", () => {
  test("takes every action, every kind of id, and numbers as text or mantissas", async () => {
    const client = open(grpc((await startServer()).grpcAddress));
    const producer = await client.producer("p", { symbol: "A" });
    await producer.add(1, { side: Side.bid, price: "100.25", quantity: "300" });
    await producer.add(2n ** 64n - 1n, { side: Side.bid, priceMantissa: 10_025, quantityMantissa: 1 });
    await producer.add("key", { side: Side.ask, price: "100.3", quantity: "0.5" });
    await producer.add(4, { side: Side.ask, price: "101", quantity: "7" });
    await producer.add(5, { side: Side.ask, price: "102", quantity: "7" });
    await producer.update(1, { quantity: "200.5" });
    await producer.update("key", { price: "100.31" });
    await producer.update(5, { price: "103", quantityMantissa: 9 });
    await producer.reduce("key", { quantity: "0.1" });
    await producer.remove(4);
    await producer.setLevel({ side: Side.bid, price: "-1", quantity: "2" });
    await producer.flush();
    expect(await bookOf(client, producer)).toEqual({
      bids: [
        ["100.25", "200.501", 2],
        ["-1.00", "2.000", 1],
      ],
      asks: [
        ["100.31", "0.400", 1],
        ["103.00", "0.009", 1],
      ],
    });
    await producer.clear();
    expect(await producer.close()).toMatchObject({ acceptedEvents: 12, rejectedEvents: 0 });
    expect(await bookOf(client, producer)).toEqual({ bids: [], asks: [] });
    expect(() => producer.clear()).toThrow('producer "p" is closed');
  });

  test("refuses what is no id, price or quantity of the instrument, and goes on", async () => {
    const client = open(grpc((await startServer()).grpcAddress));
    const producer = await client.producer("p", { symbol: "A" });
    const order = { side: Side.bid, price: "1", quantity: "1" } as const;
    for (const [wrong, field] of [
      [() => producer.add(1, { ...order, price: "1.001" }), "price"],
      [() => producer.add(1, { ...order, price: "1e3" }), "price"],
      [() => producer.add(1, { ...order, price: 1.5 as unknown as string }), "price"],
      [() => producer.add(1, { ...order, quantity: "0.0001" }), "quantity"],
      [() => producer.add(1, { ...order, quantity: "-1" }), "quantity"],
      [() => producer.add(1, { ...order, priceMantissa: 100 } as unknown as typeof order), "price"],
      [() => producer.update(1, { quantityMantissa: 1.5 }), "quantity"],
      [() => producer.remove(0), "orderId"],
      [() => producer.remove(2 ** 53), "id"],
      [() => producer.remove(""), "orderKey"],
    ] as const) {
      expect(wrong).toThrow(
        expect.objectContaining({ code: ErrorCode.invalidArgument, details: { field } }) as Error,
      );
    }
    await producer.add(1, order);
    expect(await producer.close()).toMatchObject({ acceptedEvents: 1, rejectedEvents: 0 });
  });

  test("tells each event that the server refused before flush resolves", async () => {
    const client = open(grpc((await startServer()).grpcAddress));
    const seen: Rejection[] = [];
    const onRejected = (rejection: Rejection) => seen.push(rejection);
    const producer = await client.producer("p", { symbol: "A", onRejected });
    await producer.add(1, { side: Side.bid, price: "100", quantity: "1" });
    await producer.add("late", { side: Side.ask, price: "99.5", quantity: "0.25" });
    await producer.remove(7n);
    await producer.add(2, { side: Side.ask, price: "101", quantity: "1" });
    await producer.flush();
    expect(seen.map(({ price, quantity, ...rest }) => [rest, price?.text, quantity?.text])).toEqual([
      [
        {
          action: OrderAction.add,
          id: "late",
          side: Side.ask,
          reason: RejectReason.crossedBook,
          detail: "best bid would reach best ask",
        },
        "99.50",
        "0.250",
      ],
      [
        {
          action: OrderAction.delete,
          id: 7n,
          side: undefined,
          reason: RejectReason.unknownOrder,
          detail: "no order with this id is live",
        },
        undefined,
        undefined,
      ],
    ]);
    expect(producer.totals).toMatchObject({ acceptedEvents: 2, rejectedEvents: 2 });
  });

  test("makes batches by size and time, and holds a caller when it keeps enough", async () => {
    const clock = new ManualClock();
    const server = await startServer();
    const proxy = await CuttableProxy.start(server.grpcAddress);
    const client = open(grpc(proxy.address), { clock });
    const options = { symbol: "A", batchEventsMax: 2, lingerMs: 50, keptBytesMax: 4096 };
    const producer = await client.producer("p", options);
    for (const id of [1, 2, 3]) await producer.add(id, { side: Side.bid, price: "1", quantity: "1" });
    await eventually(() => producer.position?.sequence === 2);
    clock.advance(49);
    expect(producer.totals.acceptedEvents).toBe(2);
    clock.advance(1);
    await eventually(() => producer.position?.sequence === 3);
    proxy.loseAnswers();
    let held: Promise<void> | undefined;
    for (let id = 4; held === undefined && id < 1000; id += 1) held = producer.remove(id);
    expect(held).toBeInstanceOf(Promise);
    let released = false;
    void held?.then(() => (released = true));
    proxy.cut();
    await eventually(() => {
      clock.advance(50);
      return released;
    });
  });

  test("defines its instrument where there is none, and leaves one that is there", async () => {
    const client = open(grpc((await startServer()).grpcAddress));
    await expect(client.producer("p", { symbol: "B" })).rejects.toMatchObject({ code: ErrorCode.notFound });
    const define = { priceScale: 1, quantityScale: 0 };
    const first = await client.producer("p", { symbol: "B", define });
    expect(first.instrument).toEqual(testInstrument("B", { priceScale: 1, quantityScale: 0 }));
    await first.close();
    const second = await client.producer("p", { symbol: "A", define });
    expect(second.instrument).toMatchObject({ priceScale: 2, quantityScale: 3 });
  });
});

describe("the addresses of a client", () => {
  test("without one of gRPC make no producer", async () => {
    const { httpUrl } = await startServer();
    const client = open(`${httpUrl.replace("http", "ws")}/v1/ws`);
    await expect(client.producer("p", { symbol: "A" })).rejects.toMatchObject({
      code: ErrorCode.failedPrecondition,
      message: "a producer needs a grpc:// address, and the client has none: events are taken over gRPC only",
    });
  });

  test("are tried in turn, and a lost one is left for the next of the same log", async () => {
    const server = await startServer();
    const nobody = `127.0.0.1:${await closedPort()}`;
    const proxy = await CuttableProxy.start(server.grpcAddress);
    const client = open([nobody, proxy.address, server.grpcAddress].map(grpc));
    const producer = await client.producer("p", { symbol: "A", batchEventsMax: 2 });
    const order = { side: Side.bid, price: "1", quantity: "1" } as const;
    for (let id = 1; id <= 10; id += 1) await producer.add(id, order);
    await producer.flush();
    proxy.leadTo(nobody);
    proxy.cut();
    for (let id = 11; id <= 20; id += 1) await producer.add(id, order);
    expect(await producer.close()).toMatchObject({ acceptedEvents: 20, rejectedEvents: 0 });
    const unreachable = open(grpc(nobody));
    await expect(unreachable.producer("p", { symbol: "A" })).rejects.toMatchObject({
      code: ErrorCode.unavailable,
    });
  });

  test("of another log are passed over: nothing is sent to it, and the first one is waited for", async () => {
    const [server, other] = [await startServer(), await startServer()];
    const proxy = await CuttableProxy.start(server.grpcAddress);
    const client = open([proxy.address, other.grpcAddress].map(grpc));
    const producer = await client.producer("p", { symbol: "A" });
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    await producer.add(1, { side: Side.bid, price: "1", quantity: "1" });
    await eventually(() => {
      const { status } = producer;
      return status.phase === "reconnecting" && status.cause.details.reason === "EPOCH_CHANGED";
    });
    proxy.leadTo(server.grpcAddress);
    await producer.flush();
    expect(producer.totals.acceptedEvents).toBe(1);
    const elsewhere = await open(grpc(other.grpcAddress)).watch("A");
    expect([elsewhere.sequence, elsewhere.bids]).toEqual([0, []]);
  });

  test("of a server that was started again with an empty log end it, as its scales may be others", async () => {
    const proxy = await CuttableProxy.start((await startServer()).grpcAddress);
    const client = open(grpc(proxy.address));
    const producer = await client.producer("p", { symbol: "A" });
    proxy.leadTo((await startServer()).grpcAddress);
    proxy.cut();
    await producer.add(1, { side: Side.bid, price: "1", quantity: "1" });
    await expect(producer.flush()).rejects.toMatchObject({
      code: ErrorCode.failedPrecondition,
      details: { reason: "EPOCH_CHANGED" },
    });
  });
});

describe("a client", () => {
  test("has a producer's id open once, and again after it was closed", async () => {
    const client = open(grpc((await startServer()).grpcAddress));
    const [first, second] = await Promise.allSettled([
      client.producer("p", { symbol: "A" }),
      client.producer("p", { symbol: "A" }),
    ]);
    expect(second).toMatchObject({ status: "rejected", reason: { code: ErrorCode.alreadyExists } });
    if (first.status === "rejected") throw first.reason;
    await first.value.close();
    await (await client.producer("p", { symbol: "A" })).close();
  });

  test("that is closed ends its producers and makes no more", async () => {
    const client = open(grpc((await startServer()).grpcAddress));
    const producer = await client.producer("p", { symbol: "A" });
    const opening = client.producer("q", { symbol: "A" });
    client.close();
    expect(producer.status.phase).toBe("closed");
    await expect(opening).rejects.toMatchObject({ code: ErrorCode.aborted });
    await expect(client.producer("r", { symbol: "A" })).rejects.toMatchObject({ code: ErrorCode.aborted });
  });
});
