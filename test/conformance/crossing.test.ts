import { describe, expect, it } from "vitest";
import { BookHistory } from "../support/book-history.ts";
import { eventually } from "../support/eventually.ts";
import { type FlowEvent, wireBatch } from "../support/flow-event.ts";
import { type Random, withSeed } from "../support/random.ts";
import type { ReferenceBook } from "../support/reference-book.ts";
import { startTestServer } from "../support/start-server.ts";
import { connectConsumer, connectGrpc, transports } from "../support/test-client.ts";
import type { StateName } from "../support/update.ts";

/** Thousands of events that try to lock or cross the book, end to end, under both policies. */

const symbol = "CROSS/X";
const batches = 200;
const eventsPerBatch = 30;

/** New orders, moves and levels on either side of the mid, without any regard to the other side. */
function attempt(random: Random, id: number): FlowEvent {
  const side = random.pick(["bid", "ask"] as const);
  const price = BigInt(1000 + random.between(-6, 6) + (side === "bid" ? -2 : 2));
  const quantity = BigInt(random.between(1, 50));
  const known = BigInt(random.between(Math.max(1, id - 40), id));
  const kind = random.next();
  if (kind < 0.45) return { action: "add", orderId: BigInt(id), side, price, quantity };
  if (kind < 0.65) return { action: "update", orderId: known, price };
  if (kind < 0.8) return { action: "set_level", side, price, quantity: random.chance(30) ? 0n : quantity };
  return { action: "delete", orderId: known };
}

async function run(random: Random, crossPolicy: "reject" | "flag") {
  const server = await startTestServer();
  const producer = connectGrpc(server);
  await producer.defineInstrument({ symbol, crossPolicy });
  const history = new BookHistory(crossPolicy, 20);
  const states = new Map<StateName, number>();
  const onUpdate = (update: { kind: string }, book: ReferenceBook): void => {
    if (update.kind !== "snapshot" && update.kind !== "delta") return;
    history.expectEqual(book); // the state included
    states.set(book.state, (states.get(book.state) ?? 0) + 1);
  };
  const consumers = [];
  for (const transport of transports) {
    consumers.push(await connectConsumer(server, transport, [{ symbol, intervalMs: 0 }], onUpdate));
  }
  const ingest = producer.openIngestAcked();
  let id = 0;
  let refusedForCrossing = 0;
  for (let batch = 0; batch < batches; batch += 1) {
    const events = Array.from({ length: eventsPerBatch }, () => attempt(random, ++id));
    const { reasons } = history.apply(events);
    const ack = await ingest.send(wireBatch(symbol, events));
    const crossing = ack.rejections.filter(({ reason }) => reason === "REJECT_REASON_CROSSED_BOOK");
    expect(crossing.map(({ eventIndex }) => eventIndex)).toEqual(
      reasons.flatMap((reason, index) => (reason === 4 ? [index] : [])),
    );
    refusedForCrossing += crossing.length;
  }
  for (const { books } of consumers) {
    await eventually(() => history.isNewest(books.all()[0] as ReferenceBook));
  }
  for (const integrity of await server.running.checkIntegrity()) expect(integrity.faults).toEqual([]);
  return { refusedForCrossing, states };
}

describe("under attempts to cross", () => {
  it("REJECT refuses each and the book stays open", () =>
    withSeed(async (random) => {
      const { refusedForCrossing, states } = await run(random, "reject");
      expect(refusedForCrossing).toBeGreaterThan(1000);
      expect([...states.keys()]).toEqual(["open"]);
    }));

  it("FLAG applies each and tells the state", () =>
    withSeed(async (random) => {
      const { refusedForCrossing, states } = await run(random, "flag");
      expect(refusedForCrossing).toBe(0);
      expect(states.get("crossed")).toBeGreaterThan(100);
    }));

  it("REJECT cannot be switched on while the book is crossed", async () => {
    const server = await startTestServer();
    const producer = connectGrpc(server);
    await producer.defineInstrument({ symbol, crossPolicy: "flag" });
    const level = (side: "bid" | "ask", price: bigint, quantity: bigint): FlowEvent => ({
      action: "set_level",
      side,
      price,
      quantity,
    });
    await producer.ingest([wireBatch(symbol, [level("bid", 10n, 1n), level("ask", 9n, 1n)])]);
    await expect(producer.defineInstrument({ symbol, crossPolicy: "reject" })).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await producer.ingest([wireBatch(symbol, [level("ask", 9n, 0n)])]);
    expect(await producer.defineInstrument({ symbol, crossPolicy: "reject" })).toMatchObject({
      crossPolicy: "reject",
    });
    const { rejections } = await producer.ingest([wireBatch(symbol, [level("ask", 10n, 1n)])]);
    expect(rejections).toMatchObject([{ reason: "REJECT_REASON_CROSSED_BOOK" }]);
  });
});
