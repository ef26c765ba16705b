import { expect, it, onTestFinished } from "vitest";
import { BookHistory } from "../support/book-history.ts";
import {
  type ConsumerGroup,
  ConsumerProcess,
  type ConsumerProcessOptions,
  type ConsumerReport,
  type Reading,
} from "../support/consumer-process.ts";
import { eventually } from "../support/eventually.ts";
import { add, type FlowEvent, wireBatch } from "../support/flow-event.ts";
import { type Random, withSeed } from "../support/random.ts";
import { ServerQueues } from "../support/server-queues.ts";
import { startTestServer } from "../support/start-server.ts";
import { testThreads } from "../support/test-threads.ts";
import { connectGrpc, transports } from "../support/test-client.ts";

/**
 * A burst that slow consumers cannot follow: whoever reads in the end has the same book as everybody else,
 * and nothing was piled up for anybody.
 */

const symbol = "BURST";
const ordersTotal = 50_000;
const depth = 1000;
const levelsPerSide = 1400;
const eventsPerBatch = 100;

/** 50,000 orders over a book deeper than the window, with cancels and moves, so that much changes often. */
function* burst(random: Random): Generator<FlowEvent[]> {
  const live: number[] = [];
  let batch: FlowEvent[] = [];
  const price = (side: "bid" | "ask"): number => {
    const distance = random.between(1, levelsPerSide);
    return side === "bid" ? 5_000_000 - distance : 5_000_000 + distance;
  };
  for (let id = 1; id <= ordersTotal; id += 1) {
    const side = id % 2 === 0 ? "bid" : "ask";
    batch.push(add(id, side, price(side), random.between(1, 1_000_000)));
    live.push(id);
    const other = live[random.between(0, live.length - 1)] as number;
    batch.push({
      action: "update",
      orderId: BigInt(other),
      price: BigInt(price(other % 2 === 0 ? "bid" : "ask")),
      quantity: BigInt(random.between(1, 1_000_000)),
    });
    if (live.length > 4000) {
      const index = random.between(0, live.length - 1);
      batch.push({ action: "delete", orderId: BigInt(live[index] as number) });
      live[index] = live.at(-1) as number;
      live.pop();
    }
    if (batch.length < eventsPerBatch) continue;
    yield batch;
    batch = [];
  }
}

/** All levels of the window change, again and again: what is sent until the slow ones are seen to be held back. */
function* churn(random: Random): Generator<FlowEvent[]> {
  for (let id = ordersTotal + 2; ; ) {
    yield Array.from({ length: eventsPerBatch }, () => {
      id += 1;
      const side = id % 2 === 0 ? "bid" : "ask";
      const distance = random.between(1, levelsPerSide);
      const price = side === "bid" ? 5_000_000 - distance : 5_000_000 + distance;
      return add(id, side, price, random.between(1, 1_000_000));
    });
  }
}

/** Visible in every window, so that all chains end at the same sequence. */
const LAST = [add(ordersTotal + 1, "bid", 5_000_000, 1)];

async function startConsumers(options: ConsumerProcessOptions): Promise<ConsumerProcess> {
  const started = await ConsumerProcess.start(options);
  onTestFinished(() => started.stop());
  return started;
}

function ofAllTransports(reading: Reading): ConsumerGroup[] {
  return transports.map((transport) => ({ transport, count: 1, reading }));
}

/** The reports of consumers that have all come to `sequence`. */
function reportsAt(consumers: ConsumerProcess, sequence: number): Promise<readonly ConsumerReport[]> {
  return eventually(
    async () => {
      const reports = await consumers.report();
      for (const { failure } of reports) if (failure !== "") throw new Error(failure);
      return reports.every(({ books }) => books[0]?.sequence === sequence) && reports;
    },
    { deadlineMs: 15_000, what: `all consumers at sequence ${sequence}` },
  );
}

it("all consumers of a burst end with the same book, and nothing is queued for the slow ones", () =>
  withSeed(async (random) => {
    // Made before the burst, so that it is one.
    const history = new BookHistory("flag", depth, { everyBatch: false });
    const batches = [...burst(random)].map((events) => {
      history.apply(events);
      return wireBatch(symbol, events);
    });
    const server = await startTestServer();
    const queues = new ServerQueues(server.httpUrl);
    onTestFinished(() => queues.stop());
    const producer = connectGrpc(server);
    await producer.defineInstrument({ symbol, crossPolicy: "flag" });
    const subscriptions = [{ symbol, depth, intervalMs: 0 }];
    const stretches = {
      mode: "stretches",
      seed: random.seed,
      pauseMs: [300, 1500],
      readMs: [5, 30],
    } as const;
    const always = { mode: "always" } as const;
    const [fast, slow, frozen] = await Promise.all([
      startConsumers({ addresses: server, subscriptions, groups: ofAllTransports(always) }),
      startConsumers({
        addresses: server,
        subscriptions,
        groups: [...ofAllTransports(stretches), ...ofAllTransports({ mode: "never" })],
      }),
      startConsumers({ addresses: server, subscriptions, groups: ofAllTransports(always) }),
    ]);
    frozen.freeze();

    const ingest = producer.openIngest();
    for (const batch of batches) await ingest.write(batch);
    const send = async (events: FlowEvent[]) => {
      history.apply(events);
      await ingest.write(wireBatch(symbol, events));
    };
    // How much the kernel holds for a slow one, and how many states a gateway sees of a burst, is the machine's: so it
    // goes on until the six that never read are held back, and then for what they miss.
    const more = churn(random);
    const sendMore = async () => {
      for (let batch = 0; batch < 20; batch += 1) await send(more.next().value as FlowEvent[]);
    };
    let looks = 0;
    await eventually(
      async () => {
        await sendMore();
        const held = (await server.metrics()).sum("depthcast_consumers_unwritable");
        looks = held >= 6 ? looks + 1 : 0;
        return looks === 6;
      },
      { deadlineMs: 20_000, what: "those who do not read are held back" },
    );
    // Each answer of /metrics is a turn of every gateway: all see several states more.
    for (let round = 0; round < 10; round += 1) {
      await sendMore();
      await server.metrics();
    }
    await send(LAST);
    history.keep();
    const finalSequence = history.sequence;
    const response = await ingest.end();
    expect(response.rejectedEvents).toBe("0");
    expect(Number(response.positions[0]?.position.sequence)).toBe(finalSequence);

    const check = ({ books: [book], ended }: ConsumerReport) => {
      if (book === undefined) throw new Error("no book");
      history.expectTop(book.sequence, depth, { bids: book.bids, asks: book.asks, state: "open" });
      expect(ended).toBe("");
      return book.counters;
    };
    /** Messages of the fast one where it kept up with every state: a busy machine may make it skip some too. */
    const everyState = new Map<string, number>();
    for (const report of await reportsAt(fast, finalSequence)) {
      const counters = check(report);
      if (counters.mergedIntervalsMax <= 1) everyState.set(report.transport, counters.deltas);
    }

    // Only now, so that those who did not read could not: the others did not need them.
    frozen.thaw();
    slow.readAll();
    for (const consumers of [slow, frozen]) {
      for (const report of await reportsAt(consumers, finalSequence)) {
        const counters = check(report);
        // Those that read in stretches may have kept up.
        if (report.reading === "stretches") continue;
        expect(counters.mergedIntervalsMax > 1 || counters.resyncs > 0).toBe(true);
        // Gateways conflate for themselves: numbers of messages compare on one of them only.
        if (testThreads.gateways >= 2) continue;
        expect(counters.deltas).toBeLessThan(everyState.get(report.transport) ?? Infinity);
      }
    }
    // Seen from within the thread that has the sockets.
    if (testThreads.gateways > 0) return;
    // One message at most: the largest is a delta over every level of the window and as many removals.
    const jsonEntryBytes = '["5000000","1000000000",1000],'.length;
    const largestMessage = 4 * depth * jsonEntryBytes + 1000;
    expect(queues.heldBack.size).toBeGreaterThanOrEqual(2);
    expect(queues.streamBytesMax).toBeLessThan(largestMessage);
    expect(queues.socketBytesMax).toBeLessThan(largestMessage);
  }));
