import { describe, expect, it } from "vitest";
import { BookHistory } from "../support/book-history.ts";
import { eventually } from "../support/eventually.ts";
import { add, type FlowEvent, wireBatch } from "../support/flow-event.ts";
import type { ReferenceBook } from "../support/reference-book.ts";
import { testThreads } from "../support/test-threads.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { connectConsumer, connectGrpc, type TransportName, transports } from "../support/test-client.ts";
import type { Position, Update } from "../support/update.ts";
import { WebSocketClient } from "../support/websocket-client.ts";

/** Positions, and what a client that comes back may rely on. */

const symbol = "ES.FUT";
const view = { symbol, depth: 3, intervalMs: 0 } as const;

async function openMarket() {
  const server = await startTestServer();
  const producer = connectGrpc(server);
  await producer.defineInstrument({ symbol, priceScale: 2, quantityScale: 0 });
  const ingest = producer.openIngestAcked();
  const history = new BookHistory("reject", 10);
  const send = async (...events: readonly FlowEvent[]): Promise<void> => {
    history.apply(events);
    await ingest.send(wireBatch(symbol, events));
  };
  await send(add(1, "bid", 100, 1), add(2, "bid", 99, 2), add(3, "bid", 98, 3), add(4, "bid", 97, 4));
  return { server, send, history };
}

/** A consumer with its book at the newest state, closed again. */
async function leaveWith(
  server: TestServer,
  transport: TransportName,
  sequence: number,
): Promise<ReferenceBook> {
  const consumer = await connectConsumer(server, transport, [view]);
  const book = await eventually(() => {
    const [first] = consumer.books.all();
    return first?.ready === true && first.exactUpTo >= sequence && first;
  });
  consumer.close();
  return book;
}

async function comeBack(
  server: TestServer,
  transport: TransportName,
  resume: Position,
  previous?: ReferenceBook,
) {
  const updates: Update[] = [];
  const consumer = await connectConsumer(server, transport, [{ ...view, resume }], (update) => {
    updates.push(update);
  });
  if (previous !== undefined) consumer.books.resume(previous.subscribed.viewId, previous);
  await eventually(() => (consumer.books.check(), updates.length > 0));
  return { consumer, updates };
}

const pairs = transports.flatMap((from) => transports.map((to) => [from, to] as const));

describe.each(pairs)("a position taken from %s to %s", (from, to) => {
  it("is resumed with what was missed", async () => {
    const { server, send, history } = await openMarket();
    // Another consumer keeps the view alive, as in a market that people watch.
    const watcher = await connectConsumer(server, "grpc", [view]);
    await eventually(() => watcher.books.all()[0]?.ready);
    const previous = await leaveWith(server, from, history.sequence);
    await send({ action: "delete", orderId: 2n });
    await send(add(5, "ask", 105, 9));
    await eventually(() => history.isNewest(watcher.books.all()[0] as ReferenceBook));

    const { consumer, updates } = await comeBack(server, to, previous.position, previous);
    await eventually(() => consumer.books.all()[0]?.sequence === history.sequence);
    // Another gateway may have been in other states: then it begins anew.
    const resumed = updates[1]?.kind === "delta" || testThreads.gateways < 2;
    expect(updates.map(({ kind }) => kind)).toEqual(["subscribed", resumed ? "delta" : "snapshot"]);
    expect(updates[0]).toMatchObject({ resumed, viewId: previous.subscribed.viewId });
    history.expectEqual(consumer.books.all()[0] as ReferenceBook);
  });
});

describe.each(transports)("over %s", (transport) => {
  it("a position at the newest state is resumed with nothing", async () => {
    const { server, send, history } = await openMarket();
    const watcher = await connectConsumer(server, "grpc", [view]);
    await eventually(() => watcher.books.all()[0]?.ready);
    const previous = await leaveWith(server, transport, history.sequence);
    const { consumer, updates } = await comeBack(server, transport, previous.position, previous);
    await consumer.barrier();
    expect(updates).toMatchObject([{ kind: "subscribed", resumed: true }]);
    await send(add(6, "bid", 101, 1));
    await eventually(() => history.isNewest(consumer.books.all()[0] as ReferenceBook));
  });

  it.each<[string, (position: Position) => Position]>([
    ["of another epoch", ({ epoch, sequence }) => ({ epoch: epoch + 1n, sequence })],
    ["from the future", ({ epoch, sequence }) => ({ epoch, sequence: sequence + 1000 })],
    ["that no batch ended at", ({ epoch, sequence }) => ({ epoch, sequence: sequence - 1 })],
    ["of epoch 0", ({ sequence }) => ({ epoch: 0n, sequence })],
  ])("a position %s gets a snapshot", async (_name, change) => {
    const { server, history } = await openMarket();
    const previous = await leaveWith(server, transport, history.sequence);
    const { consumer, updates } = await comeBack(server, transport, change(previous.position));
    await eventually(() => consumer.books.all()[0]?.ready);
    expect(updates.map(({ kind }) => kind)).toEqual(["subscribed", "snapshot"]);
    expect(updates[0]).toMatchObject({ resumed: false });
    history.expectEqual(consumer.books.all()[0] as ReferenceBook);
  });

  it("a position of another server gets a snapshot", async () => {
    const first = await openMarket();
    const previous = await leaveWith(first.server, transport, first.history.sequence);
    const second = await openMarket();
    const { consumer, updates } = await comeBack(second.server, transport, previous.position);
    await eventually(() => consumer.books.all()[0]?.ready);
    expect(updates.map(({ kind }) => kind)).toEqual(["subscribed", "snapshot"]);
  });
});

describe.each(["json", "proto"] as const)("over WebSocket %s", (dialect) => {
  it("subscriptions come and go while the connection lives", async () => {
    const { server, send, history } = await openMarket();
    const updates: Update[] = [];
    const client = await WebSocketClient.connect(server.httpUrl, dialect, (update) => {
      updates.push(update);
    });
    client.subscribe({ ...view, id: "first" });
    const viewId = (await eventually(() => client.books.find(symbol)?.ready && client.books.find(symbol)))
      .subscribed.viewId;
    client.subscribe({ symbol, depth: 1, intervalMs: 0, id: "second" });
    await eventually(() => client.books.find(symbol, 1)?.ready);
    client.unsubscribe(viewId);
    await eventually(() => client.unsubscribed.length === 1);
    expect(client.unsubscribed).toEqual([viewId]);

    updates.length = 0;
    await send(add(9, "bid", 102, 5));
    await eventually(() => client.books.find(symbol, 1)?.sequence === history.sequence);
    await client.barrier();
    expect(updates.filter((update) => update.viewId === viewId)).toEqual([]);

    client.subscribe({ ...view, id: "again" });
    const again = await eventually(() => client.books.find(symbol, 3)?.ready && client.books.find(symbol, 3));
    expect(again.subscribed).toMatchObject({ viewId, id: "again", resumed: false });
    history.expectEqual(again);
    await client.close();
  });

  it("the same subscription twice is refused, and may be made again once it was dropped", async () => {
    const { server } = await openMarket();
    const client = await WebSocketClient.connect(server.httpUrl, dialect);
    client.subscribe(view);
    const book = await eventually(() => client.books.find(symbol)?.ready && client.books.find(symbol));
    client.subscribe({ ...view, id: "twice" });
    await client.barrier();
    expect(client.errors).toMatchObject([{ id: "twice", code: "already_exists" }]);
    client.unsubscribe(book.subscribed.viewId);
    client.subscribe({ ...view, id: "anew" });
    await eventually(() => client.books.find(symbol)?.subscribed.id === "anew");
    expect(client.errors).toHaveLength(1);
    await client.close();
  });
});
