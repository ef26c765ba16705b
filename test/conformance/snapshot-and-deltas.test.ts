import { describe, expect, it } from "vitest";
import { BookHistory } from "../support/book-history.ts";
import { eventually } from "../support/eventually.ts";
import { add, type FlowEvent, wireBatch } from "../support/flow-event.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type Random, withSeed } from "../support/random.ts";
import { adversarialFlow, type OrderFlow, realisticFlow } from "../support/random-flow.ts";
import type { ReferenceBook } from "../support/reference-book.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { connectConsumer, connectGrpc, type TestConsumer, transports } from "../support/test-client.ts";
import { testThreads } from "../support/test-threads.ts";
import type { Update } from "../support/update.ts";

/**
 * PROTOCOL section 4, "What a client may rely on", over real gRPC and real WebSockets: after each message
 * the client's book is exactly the top of the model at that sequence.
 */

const depths = [1, 2, 5, 20, 70, 1000];

interface Market {
  readonly server: TestServer;
  readonly symbol: string;
  readonly history: BookHistory;
  /** Sends a batch and checks the server's verdicts on its events against the model's. */
  readonly send: (events: readonly FlowEvent[]) => Promise<void>;
}

async function openMarket(crossPolicy: "reject" | "flag", clock?: ManualClock): Promise<Market> {
  const server = await startTestServer(clock && { clock });
  const producer = connectGrpc(server);
  const symbol = "BTC-USD";
  // A tick and a lot of 1 allow everything, and look alike in all dialects (JSON shows 0 as 1).
  const any = { tickSize: 1, lotSize: 1 };
  await producer.defineInstrument({ symbol, priceScale: 2, quantityScale: 3, crossPolicy, ...any });
  const history = new BookHistory(crossPolicy, 1000);
  const call = producer.openIngestAcked();
  const send = async (events: readonly FlowEvent[]): Promise<void> => {
    const verdicts = history.apply(events); // before sending: consumers may see it before the ack
    const ack = await call.send(wireBatch(symbol, events));
    expect(Number(ack.acceptedEvents)).toBe(verdicts.accepted);
    expect(Number(ack.rejectedEvents)).toBe(verdicts.rejected);
    const reasons = ack.rejections.map(({ eventIndex, reason }) => [eventIndex, reason]);
    expect(reasons).toEqual(rejectionsOf(verdicts.reasons));
    expect(Number(ack.position.sequence)).toBe(history.sequence);
  };
  return { server, symbol, history, send };
}

const reasonNames = [
  "",
  "REJECT_REASON_DUPLICATE_ORDER",
  "REJECT_REASON_UNKNOWN_ORDER",
  "REJECT_REASON_INVALID_EVENT",
  "REJECT_REASON_CROSSED_BOOK",
  "REJECT_REASON_CAPACITY",
];

function rejectionsOf(reasons: readonly number[]): (string | number | undefined)[][] {
  return reasons
    .flatMap((reason, index) => (reason === 0 ? [] : [[index, reasonNames[reason]]]))
    .slice(0, 100);
}

/** What all consumers together have seen: one checksum for each (view, sequence). */
class SharedSight {
  readonly #checksums = new Map<string, number>();
  readonly #views = new Map<string, number>();

  watch(update: Update, book: ReferenceBook): void {
    const { symbol, depth, intervalMs } = book.subscribed;
    const view = `${symbol} ${depth} ${intervalMs}`;
    if ((this.#views.get(view) ?? update.viewId) !== update.viewId)
      throw new Error(`view ids of ${view} differ`);
    this.#views.set(view, update.viewId);
    if (update.kind !== "snapshot" && update.kind !== "delta") return;
    const place = `${update.viewId} ${update.sequence}`;
    if ((this.#checksums.get(place) ?? update.checksum) !== update.checksum) {
      throw new Error(`checksums of view and sequence ${place} differ`);
    }
    this.#checksums.set(place, update.checksum);
  }

  get views(): number {
    return this.#views.size;
  }
}

async function runFlow(random: Random, flow: OrderFlow, crossPolicy: "reject" | "flag"): Promise<void> {
  const { server, symbol, history, send } = await openMarket(crossPolicy);
  const sight = new SharedSight();
  const consumers: TestConsumer[] = [];
  const onUpdate = (update: Update, book: ReferenceBook): void => {
    sight.watch(update, book);
    if (update.kind === "snapshot" || update.kind === "delta") history.expectEqual(book);
  };
  const join = async (): Promise<void> => {
    const depth = random.pick(depths);
    const intervalMs = random.pick([0, 0, 10]);
    const subscriptions = [{ symbol, depth, intervalMs }];
    for (const transport of transports) {
      consumers.push(await connectConsumer(server, transport, subscriptions, onUpdate));
    }
  };
  const joins = new Set(Array.from({ length: 5 }, () => random.between(0, 150)));
  for (let round = 0; round < 160; round += 1) {
    if (joins.has(round)) await join();
    await send(flow.batch(random.between(1, 40)));
  }
  for (const { books, transport } of consumers) {
    await eventually(() => history.isNewest(books.all()[0] as ReferenceBook), {
      what: `the newest state at ${transport}`,
    });
  }
  const books = consumers.flatMap((consumer) => consumer.books.all());
  expect(books).toHaveLength(joins.size * transports.length);
  expect(Math.min(...books.map(({ counters }) => counters.snapshots))).toBe(1);
  expect(sight.views).toBeGreaterThan(0);
}

describe("the client's book is exactly the top of the model after each message", () => {
  it("in a realistic flow", () =>
    expect(withSeed((random) => runFlow(random, realisticFlow(random), "reject"))).resolves.toBeUndefined());

  it("in an adversarial flow that may not cross", () =>
    expect(
      withSeed((random) => runFlow(random, adversarialFlow(random), "reject")),
    ).resolves.toBeUndefined());

  it("in an adversarial flow that may cross", () =>
    expect(withSeed((random) => runFlow(random, adversarialFlow(random), "flag"))).resolves.toBeUndefined());
});

describe.each(transports)("over %s a level that", (transport) => {
  it("leaves or enters the window is told in the same delta", async () => {
    const { server, symbol, history, send } = await openMarket("reject");
    const deltas: Update[] = [];
    const { books } = await connectConsumer(
      server,
      transport,
      [{ symbol, depth: 2, intervalMs: 0 }],
      (update, book) => {
        if (update.kind === "delta") deltas.push(update);
        if (update.kind === "snapshot" || update.kind === "delta") history.expectEqual(book);
      },
    );
    await eventually(() => books.all()[0]?.ready);
    const next = async (events: readonly FlowEvent[]): Promise<Update> => {
      const before = deltas.length;
      await send(events);
      await eventually(() => (books.check(), deltas.length > before));
      return deltas[before] as Update;
    };

    await next([add(1, "bid", 100, 7), add(2, "bid", 99, 5)]);
    expect(await next([add(3, "bid", 101, 1)])).toMatchObject({
      bids: expect.arrayContaining([
        [101, 1, 1],
        [99, 0, 0],
      ]),
      asks: [],
    });
    expect(await next([{ action: "delete", orderId: 1n }])).toMatchObject({
      bids: expect.arrayContaining([
        [100, 0, 0],
        [99, 5, 1],
      ]),
    });
    expect(await next([{ action: "clear" }])).toMatchObject({
      bids: expect.arrayContaining([
        [101, 0, 0],
        [99, 0, 0],
      ]),
    });
  });
});

it("all transports carry the same messages of a view", () =>
  withSeed(async (random) => {
    const clock = new ManualClock();
    const { server, symbol, history, send } = await openMarket("flag", clock);
    const flow = adversarialFlow(random);
    const chains: Update[][] = [];
    const consumers: TestConsumer[] = [];
    for (const transport of transports) {
      const chain: Update[] = [];
      chains.push(chain);
      const subscriptions = [{ symbol, depth: 10, intervalMs: 50 }];
      const take = (update: Update, book: ReferenceBook): void => {
        chain.push(update);
        if (update.kind === "snapshot" || update.kind === "delta") history.expectEqual(book);
      };
      consumers.push(await connectConsumer(server, transport, subscriptions, take));
    }
    await eventually(() => consumers.every(({ books }) => books.all()[0]?.ready));
    for (let round = 0; round < 60; round += 1) {
      for (let batch = random.between(1, 4); batch > 0; batch -= 1)
        await send(flow.batch(random.between(1, 20)));
      await clock.pass(random.pick([10, 50, 130]), 10);
    }
    await clock.pass(1100, 10);
    for (const consumer of consumers) {
      await consumer.barrier();
      expect(history.isNewest(consumer.books.all()[0] as ReferenceBook)).toBe(true);
    }
    for (const chain of chains) expect(chain.length).toBeGreaterThan(40);
    // Each gateway publishes for itself, so that what two of them send is equal in states only.
    if (testThreads.gateways >= 2) return;
    // The times of publishing too, because an update is made once for everybody.
    expect(chains[1]).toEqual(chains[0]);
    expect(chains[2]).toEqual(chains[0]);
  }));
