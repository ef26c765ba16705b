import { describe, expect, it, onTestFinished } from "vitest";
import { BookHistory } from "../support/book-history.ts";
import { eventually } from "../support/eventually.ts";
import { wireBatch } from "../support/flow-event.ts";
import { type Random, withSeed } from "../support/random.ts";
import { adversarialFlow } from "../support/random-flow.ts";
import type { ReferenceBook } from "../support/reference-book.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { testThreads } from "../support/test-threads.ts";
import { connectGrpc } from "../support/test-client.ts";
import type { Update } from "../support/update.ts";
import { WebSocketClient } from "../support/websocket-client.ts";

/**
 * Consumers that stop reading, come back, leave and resume at random moments of a hostile flow: whatever
 * they skipped, each message makes their book exactly that of the model.
 */

const symbol = "SKIP";

/** One client that misbehaves in every way that the contract allows. */
class Wanderer {
  readonly #client: WebSocketClient;
  readonly #random: Random;
  readonly #subscription: { symbol: string; depth: number; intervalMs: number };
  #paused = false;
  resumed = 0;
  mergedIntervalsMax = 0;

  private constructor(client: WebSocketClient, random: Random, depth: number) {
    this.#client = client;
    this.#random = random;
    this.#subscription = { symbol, depth, intervalMs: 0 };
  }

  static async start(server: TestServer, dialect: "json" | "proto", random: Random, history: BookHistory) {
    const client = await WebSocketClient.connect(server.httpUrl, dialect, (update: Update, book) => {
      if (update.kind === "snapshot" || update.kind === "delta") history.expectEqual(book);
      if (update.kind === "delta") {
        wanderer.mergedIntervalsMax = Math.max(wanderer.mergedIntervalsMax, update.mergedIntervals);
      }
    });
    onTestFinished(() => client.terminate());
    const wanderer = new Wanderer(client, random, random.pick([1, 1, 2, 10, 40]));
    client.subscribe(wanderer.#subscription);
    await eventually(() => client.books.all()[0]?.ready);
    return wanderer;
  }

  async step(): Promise<void> {
    this.#client.books.check();
    if (this.#random.chance(12)) {
      this.#paused = !this.#paused;
      if (this.#paused) this.#client.pause();
      else this.#client.resume();
    } else if (!this.#paused && this.#random.chance(6)) await this.#leaveAndResume();
  }

  async #leaveAndResume(): Promise<void> {
    const { books, unsubscribed } = this.#client;
    const previous = books.all()[0] as ReferenceBook;
    const { viewId } = previous.subscribed;
    const left = unsubscribed.length;
    this.#client.unsubscribe(viewId);
    await eventually(() => unsubscribed.length > left);
    books.resume(viewId, previous);
    this.#client.subscribe({ ...this.#subscription, resume: previous.position });
    const book = await eventually(() => books.all()[0]?.ready && books.all()[0]);
    if (book.subscribed.resumed) this.resumed += 1;
  }

  async arrive(history: BookHistory): Promise<void> {
    this.#client.resume();
    await eventually(() => history.isNewest(this.#client.books.all()[0] as ReferenceBook));
  }
}

describe.each(["reject", "flag"] as const)("under %s", (crossPolicy) => {
  it("skipping and resuming consumers never hold a wrong book", () =>
    withSeed(async (random) => {
      // So that a client that reads nothing is soon not writable.
      const server = await startTestServer({ limits: { inFlightBytesMax: 4096 } });
      const producer = connectGrpc(server);
      await producer.defineInstrument({ symbol, priceScale: 1, crossPolicy });
      const history = new BookHistory(crossPolicy, 40);
      const ingest = producer.openIngestAcked();
      const flow = adversarialFlow(random, { liveTarget: 120 });
      const wanderers: Wanderer[] = [];
      for (let index = 0; index < 10; index += 1) {
        const dialect = index % 2 === 0 ? "json" : "proto";
        wanderers.push(await Wanderer.start(server, dialect, random, history));
      }
      for (let round = 0; round < 250; round += 1) {
        const events = flow.batch(random.between(1, 30));
        history.apply(events);
        await ingest.send(wireBatch(symbol, events));
        for (const wanderer of wanderers) await wanderer.step();
      }
      for (const wanderer of wanderers) await wanderer.arrive(history);
      // On threads of their own the wanderers' gateways may keep up with all of it.
      if (testThreads.gateways === 0) {
        expect(Math.max(...wanderers.map(({ mergedIntervalsMax }) => mergedIntervalsMax))).toBeGreaterThan(1);
      }
      expect(wanderers.some(({ resumed }) => resumed > 0)).toBe(true);
    }));
});
