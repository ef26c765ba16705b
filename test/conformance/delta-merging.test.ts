import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { add, type FlowEvent, wireBatch } from "../support/flow-event.ts";
import type { IngestAck } from "../support/grpc-client.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startTestServer } from "../support/start-server.ts";
import { connectConsumer, connectGrpc, type TransportName, transports } from "../support/test-client.ts";
import type { Update } from "../support/update.ts";

/** What one interval folds together, on a clock that the test drives: nothing here depends on timing. */

const symbol = "ETH-USD";

async function openView(transport: TransportName, options: { intervalMs: number; depth?: number }) {
  const clock = new ManualClock();
  clock.advance(3_600_000); // machines have been running for a while when a server starts
  const server = await startTestServer({ clock, limits: { heartbeatIntervalMs: 1000 } });
  const producer = connectGrpc(server);
  await producer.defineInstrument({ symbol, crossPolicy: "reject" });
  const ingest = producer.openIngestAcked();
  const received: Update[] = [];
  const consumer = await connectConsumer(server, transport, [{ symbol, depth: 5, ...options }], (update) => {
    received.push(update);
  });
  await eventually(() => consumer.books.all()[0]?.ready);
  clock.advance(1);
  await clock.settle();
  await consumer.barrier();
  // No heartbeat yet: its interval begins with the subscription.
  expect(received.splice(0).map(({ kind }) => kind)).toEqual(["subscribed", "snapshot"]);
  /** Sends batches, each acknowledged, and lets the server do all that it does without time passing. */
  const send = async (...batches: readonly FlowEvent[][]): Promise<IngestAck> => {
    let ack: IngestAck | undefined;
    for (const events of batches) {
      ack = await ingest.send(wireBatch(symbol, events));
      expect(ack.rejections).toEqual([]);
    }
    await clock.settle();
    return ack as IngestAck;
  };
  /** All that was received since the last look; nothing of it is still on its way. */
  const take = async (): Promise<Update[]> => {
    await clock.settle();
    await consumer.barrier();
    consumer.books.check();
    return received.splice(0);
  };
  return { clock, send, take, book: () => consumer.books.all()[0] };
}

describe.each(transports)("over %s", (transport) => {
  it("the first change after a quiet time leaves at once, the next ones once an interval", async () => {
    const { clock, send, take } = await openView(transport, { intervalMs: 50 });
    await send([add(1, "bid", 100, 7)]);
    expect(await take()).toMatchObject([{ kind: "delta", bids: [[100, 7, 1]], mergedIntervals: 1 }]);

    await send([add(2, "bid", 99, 1)]);
    clock.advance(49);
    expect(await take()).toEqual([]);
    clock.advance(1);
    expect(await take()).toMatchObject([{ kind: "delta", bids: [[99, 1, 1]], mergedIntervals: 1 }]);

    clock.advance(50);
    expect(await take()).toEqual([]);
    await send([add(3, "bid", 98, 1)]);
    expect(await take()).toMatchObject([{ kind: "delta", bids: [[98, 1, 1]], mergedIntervals: 1 }]);
  });

  it("many changes of one price in one interval are one entry with the net state", async () => {
    const { clock, send, take } = await openView(transport, { intervalMs: 100 });
    await send([add(1, "bid", 100, 7), add(9, "ask", 110, 4)]);
    await take();
    const changes = Array.from({ length: 20 }, (_, index) => [
      add(10 + index, "bid", 100, 2),
      { action: "update", orderId: 1n, quantity: BigInt(50 - index) } as const,
    ]);
    const ack = await send(...changes);
    expect(await take()).toEqual([]);
    clock.advance(100);
    expect(await take()).toMatchObject([
      {
        kind: "delta",
        bids: [[100, 31 + 20 * 2, 21]],
        asks: [],
        prevSequence: 2,
        sequence: Number(ack.position.sequence),
        mergedIntervals: 1,
      },
    ]);
  });

  it("a change of the order count alone is an entry", async () => {
    const { clock, send, take } = await openView(transport, { intervalMs: 50 });
    await send([add(1, "ask", 100, 6)]);
    await take();
    await send([{ action: "reduce", orderId: 1n, quantity: 2n }, add(2, "ask", 100, 2)]);
    clock.advance(50);
    expect(await take()).toMatchObject([{ kind: "delta", bids: [], asks: [[100, 6, 2]] }]);
  });

  it("no net change is no entry, and no entries are no message; a heartbeat tells the sequence", async () => {
    const { clock, send, take, book } = await openView(transport, { intervalMs: 50, depth: 1 });
    await send([add(1, "bid", 100, 7)]);
    await take();
    await send(
      [add(2, "bid", 101, 3)],
      [{ action: "update", orderId: 1n, quantity: 9n }],
      [{ action: "delete", orderId: 2n }],
      [{ action: "update", orderId: 1n, quantity: 7n }],
    );
    clock.advance(50);
    expect(await take()).toEqual([]);
    // Outside the window of one level.
    const ack = await send([add(3, "bid", 90, 1)]);
    clock.advance(50);
    expect(await take()).toEqual([]);

    await clock.pass(1000, 50);
    const beats = await take();
    expect(beats.length).toBeGreaterThan(0);
    expect(beats.every(({ kind }) => kind === "heartbeat")).toBe(true);
    expect(beats.at(-1)).toMatchObject({ sequence: Number(ack.position.sequence) });
    expect(book()?.sequence).toBe(1);
    expect(book()?.exactUpTo).toBe(Number(ack.position.sequence));
  });

  it("heartbeats come after each heartbeat interval with nothing else sent, and not before", async () => {
    const { clock, send, take } = await openView(transport, { intervalMs: 50 });
    await send([add(1, "bid", 100, 7)]);
    await take();
    // The server may gather heartbeats that are due within a few milliseconds of each other.
    clock.advance(940);
    expect(await take()).toEqual([]);
    clock.advance(80);
    expect(await take()).toMatchObject([{ kind: "heartbeat", sequence: 1 }]);
    await clock.pass(3000, 100);
    expect((await take()).map(({ kind }) => kind)).toEqual(["heartbeat", "heartbeat", "heartbeat"]);
  });

  it("at interval 0 each batch that comes alone is a delta", async () => {
    const { send, take } = await openView(transport, { intervalMs: 0 });
    for (const price of [100, 101, 102]) {
      await send([add(price, "bid", price, 1)]);
      expect(await take()).toMatchObject([{ kind: "delta", bids: [[price, 1, 1]] }]);
    }
  });

  it("the source's time of the newest batch comes along", async () => {
    const { send, take } = await openView(transport, { intervalMs: 0 });
    await send([add(1, "bid", 100, 1)]);
    const [first] = await take();
    expect(first).toMatchObject({ sourceTimeUnixNanos: 0n });
    expect((first as { publishTimeUnixNanos: bigint }).publishTimeUnixNanos).toBeGreaterThan(0n);
  });
});
