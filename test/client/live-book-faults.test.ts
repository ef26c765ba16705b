import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/connect-node.ts";
import type { BookLevel, LiveBook } from "../../src/client/live-book.ts";
import type { MarketClient } from "../../src/client/market-client.ts";
import { eventually } from "../support/eventually.ts";
import { byteFaultProxy, grpcFaultProxy, webSocketFaultProxy } from "../support/fault-proxy.ts";
import { modelEvent } from "../support/flow-event.ts";
import { testBatch, testInstrument } from "../support/flow-rig.ts";
import { MessageFaults } from "../support/message-faults.ts";
import { NaiveBook } from "../support/naive-book.ts";
import { type Random, withSeed } from "../support/random.ts";
import { realisticFlow } from "../support/random-flow.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";

const DEPTH = 10;
const FAULTY_MS = 2500;
const SYMBOLS = ["ONE", "TWO"];

/** One symbol's market: orders go in, and every state that a consumer may see is remembered. */
class Market {
  readonly symbol: string;
  readonly #model = new NaiveBook({
    crossPolicy: 1,
    tickSize: 0,
    lotSize: 0,
    liveOrdersMax: 1e6,
    levelsPerSideMax: 1e6,
  });
  readonly #states = new Set<string>();
  readonly #flow: ReturnType<typeof realisticFlow>;

  constructor(symbol: string, random: Random) {
    this.symbol = symbol;
    this.#flow = realisticFlow(random);
    this.#keep();
  }

  async trade(server: TestServer, running: () => boolean): Promise<void> {
    const stream = server.running.ingest.openStream(() => {});
    while (running()) {
      const events = this.#flow.batch(5).map(modelEvent);
      for (const event of events) this.#model.apply(event);
      // Before it is sent: no consumer sees a state that is not there.
      this.#keep();
      await stream.submit(testBatch(this.symbol, events));
      await sleep(2);
    }
    stream.close();
  }

  get sequence(): number {
    return this.#model.sequence;
  }

  /** @throws Error where the book shows what never was */
  judge(book: LiveBook): void {
    const seen = stateOf(book.bids, book.asks);
    if (!this.#states.has(seen))
      throw new Error(`${book.symbol} is live at ${book.sequence} and wrong: ${seen}`);
  }

  isNewest(book: LiveBook): boolean {
    return stateOf(book.bids, book.asks) === this.#newest();
  }

  #newest(): string {
    const side = (top: ReturnType<NaiveBook["top"]>) =>
      top.map(([price, quantity]) => `${price}x${quantity}`).join();
    return `${side(this.#model.top(1, DEPTH))}|${side(this.#model.top(2, DEPTH))}`;
  }

  #keep(): void {
    this.#states.add(this.#newest());
  }
}

/** Prices and quantities: the number of orders is under no checksum. */
function stateOf(bids: readonly BookLevel[], asks: readonly BookLevel[]): string {
  const side = (levels: readonly BookLevel[]) =>
    levels.map(({ price, quantity }) => `${price.mantissa}x${quantity.mantissa}`).join();
  return `${side(bids)}|${side(asks)}`;
}

/** How a client gets at the server. */
type Ways = (server: TestServer, faults: MessageFaults) => Promise<string[]>;

const wsTarget = (server: TestServer): string => server.httpUrl.replace("http://", "");

const ways: Readonly<Record<string, Ways>> = {
  "WebSocket frames": async (server, faults) => [await webSocketFaultProxy(wsTarget(server), faults)],
  "gRPC responses": async (server, faults) => [await grpcFaultProxy(server.grpcAddress, faults)],
  "the bytes of a WebSocket": async (server, faults) => [
    `ws://${await byteFaultProxy(wsTarget(server), faults)}/v1/ws`,
  ],
  "the bytes of gRPC": async (server, faults) => [
    `grpc://${await byteFaultProxy(server.grpcAddress, faults)}`,
  ],
  "both, from one to the other": async (server, faults) => [
    await webSocketFaultProxy(wsTarget(server), faults),
    await grpcFaultProxy(server.grpcAddress, faults),
  ],
};

async function watchAll(client: MarketClient, markets: readonly Market[]): Promise<LiveBook[]> {
  return Promise.all(
    markets.map(({ symbol }) =>
      // The faults may hit the very first answers, which then are refusals.
      eventually(() => client.watch(symbol, { depth: DEPTH, intervalMs: 10 }), { deadlineMs: 20_000 }),
    ),
  );
}

describe("a live book behind a proxy that drops, repeats, reorders, delays, cuts and flips", () => {
  it.each(Object.entries(ways))(
    "%s: it is never wrong while it is live, and live again afterwards",
    { timeout: 60_000 },
    (name, open) =>
      withSeed(async (random) => {
        const server = await startTestServer({
          instruments: SYMBOLS.map((symbol) => testInstrument(symbol)),
          limits: { heartbeatIntervalMs: 100 },
        });
        const markets = SYMBOLS.map((symbol) => new Market(symbol, random));
        const faults = new MessageFaults(random);
        const client = connect(await open(server, faults), {
          backoff: { firstDelayMs: 10, delayMaxMs: 100 },
          connectTimeoutMs: 500,
          random: () => random.next(),
        });
        onTestFinished(() => client.close());
        let running = true;
        const trading = markets.map((market) => market.trade(server, () => running));
        const happened = new Map<string, number>();
        void (async () => {
          for await (const { type } of client.events()) happened.set(type, (happened.get(type) ?? 0) + 1);
        })();
        const books = await watchAll(client, markets);
        let judged = 0;
        const readers = books.map(async (book, index) => {
          for await (const { status } of book) {
            if (status !== "live") continue;
            markets[index]!.judge(book);
            judged += 1;
          }
        });
        await Promise.race([sleep(FAULTY_MS), Promise.all(readers)]);
        faults.active = false;
        // A message that was lost shows at the next one: so it goes on until each book has moved on from here.
        const lastFaults = markets.map((market) => market.sequence);
        await eventually(
          () =>
            judged > 50 &&
            books.every(({ status, sequence }, index) => status === "live" && sequence > lastFaults[index]!),
          { deadlineMs: 15_000, what: "all books are live again" },
        );
        running = false;
        await Promise.all(trading);
        await eventually(() =>
          books.every((book, index) => book.status === "live" && markets[index]!.isNewest(book)),
        );
        client.close();
        await Promise.all(readers);
        process.stdout.write(
          `${name}: ${judged} live states judged; faults ${JSON.stringify(faults.done)}; events ${JSON.stringify([...happened])}\n`,
        );
        expect((happened.get("resync") ?? 0) + (happened.get("disconnected") ?? 0)).toBeGreaterThan(0);
      }),
  );
});
