import { onTestFinished, expect, test } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { OrderAction, Side } from "../../src/book/order-events.ts";
import { RejectReason } from "../../src/book/rejection.ts";
import { GrpcClient } from "../../src/client/grpc-client.ts";
import { IngestStream } from "../../src/client/ingest-stream.ts";
import { closedPort } from "../support/closed-port.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";

const instrument = {
  symbol: "X",
  priceScale: 2,
  quantityScale: 0,
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  description: "",
};

async function start(): Promise<{ server: TestServer; client: GrpcClient }> {
  const server = await startTestServer({ instruments: [instrument] });
  const client = new GrpcClient(server.grpcAddress);
  onTestFinished(() => client.close());
  return { server, client };
}

function add(orderId: bigint, price: number, side: Side = Side.bid) {
  return { action: OrderAction.add, orderId, side, price, quantity: 1 };
}

test("divides events into batches, and counts what was accepted and why others were not", async () => {
  const { client } = await start();
  const stream = await IngestStream.open(client, { batchEventsMax: 7 });
  for (let id = 1n; id <= 100n; id += 1n) await stream.write("X", add(id, Number(id)));
  await stream.write("X", add(1n, 5));
  await stream.write("X", add(500n, 3, Side.ask));
  await stream.write("X", { action: OrderAction.delete, orderId: 999n });
  const totals = await stream.close();
  expect(totals).toEqual({
    acceptedEvents: 100,
    rejectedEvents: 3,
    duplicateBatches: 0,
    rejectedByReason: new Map([
      [RejectReason.duplicateOrder, 1],
      [RejectReason.crossedBook, 1],
      [RejectReason.unknownOrder, 1],
    ]),
  });
  expect(stream.position("X")?.sequence).toBe(100);
  const { snapshot } = await client.getSnapshot("X", { depth: 1, minSequence: 100 });
  expect(snapshot.bids).toEqual([{ price: 100, quantity: 1, orderCount: 1 }]);
});

test("refusals over the hundred that an acknowledgement lists are counted too", async () => {
  const { client } = await start();
  const stream = await IngestStream.open(client, { batchEventsMax: 1000 });
  for (let id = 1n; id <= 250n; id += 1n)
    await stream.write("X", { action: OrderAction.delete, orderId: id });
  const { rejectedEvents, rejectedByReason } = await stream.close();
  expect(rejectedEvents).toBe(250);
  expect(rejectedByReason).toEqual(
    new Map<unknown, number>([
      [RejectReason.unknownOrder, 100],
      ["unlisted", 150],
    ]),
  );
});

test("a producer's numbers go on from one stream to the next", async () => {
  const { client } = await start();
  const first = await IngestStream.open(client, { producerId: "p", batchEventsMax: 1 });
  await first.write("X", add(1n, 1));
  await first.write("X", add(2n, 2));
  await first.close();
  expect(await client.producerPosition("p")).toBe(2);
  const second = await IngestStream.open(client, { producerId: "p" });
  await second.write("X", add(3n, 3));
  expect(await second.close()).toMatchObject({ acceptedEvents: 1, duplicateBatches: 0 });
  expect(await client.producerPosition("p")).toBe(3);
});

test("waits for acknowledgements when as many batches as allowed are in flight", async () => {
  const { client } = await start();
  const stream = await IngestStream.open(client, { batchEventsMax: 1, batchesInFlightMax: 2 });
  expect(stream.write("X", add(1n, 1))).toBeUndefined();
  const room = stream.write("X", add(2n, 2));
  expect(room).toBeInstanceOf(Promise);
  expect(stream.totals.acceptedEvents).toBe(0);
  await room;
  expect(stream.totals.acceptedEvents).toBeGreaterThan(0);
  await stream.close();
});

test("an unknown symbol ends the stream with its message", async () => {
  const { client } = await start();
  const stream = await IngestStream.open(client);
  await stream.write("NOPE", add(1n, 1));
  await expect(stream.settle()).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("NOPE") as unknown,
  });
  expect(() => stream.flush()).toThrow("NOPE");
});

test("a server that stops ends the stream as unavailable", async () => {
  const { server, client } = await start();
  const stream = await IngestStream.open(client);
  await stream.write("X", add(1n, 1));
  await stream.settle();
  await server.stop();
  await stream.write("X", add(2n, 2));
  await expect(stream.settle()).rejects.toMatchObject({ code: "unavailable" });
});

test("where nobody listens, the message says how to start a server", async () => {
  const address = `127.0.0.1:${await closedPort()}`;
  const client = new GrpcClient(address);
  onTestFinished(() => client.close());
  await expect(IngestStream.open(client, { producerId: "p" })).rejects.toThrow(
    `no depthcast server at ${address}; start one with \`npx depthcast serve\``,
  );
});
