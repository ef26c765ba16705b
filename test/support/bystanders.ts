import { BookHistory } from "./book-history.ts";
import { eventually } from "./eventually.ts";
import { add, wireBatch } from "./flow-event.ts";
import type { IngestAckedCall } from "./grpc-client.ts";
import {
  connectConsumer,
  connectGrpc,
  type ServerAddresses,
  type TestConsumer,
  transports,
} from "./test-client.ts";

const symbol = "HEALTHY";

/**
 * Healthy consumers, one on each transport, and a producer, beside whatever a test does to the server. They
 * are to notice nothing.
 */
export class Bystanders {
  readonly #consumers: readonly TestConsumer[];
  readonly #producer: IngestAckedCall;
  readonly #history: BookHistory;
  #orders = 0;

  private constructor(consumers: readonly TestConsumer[], producer: IngestAckedCall, history: BookHistory) {
    this.#consumers = consumers;
    this.#producer = producer;
    this.#history = history;
  }

  static async start(server: ServerAddresses): Promise<Bystanders> {
    const client = connectGrpc(server);
    await client.defineInstrument({ symbol });
    const history = new BookHistory("reject", 20);
    const consumers: TestConsumer[] = [];
    for (const transport of transports) {
      consumers.push(await connectConsumer(server, transport, [{ symbol, depth: 20, intervalMs: 0 }]));
    }
    const bystanders = new Bystanders(consumers, client.openIngestAcked(), history);
    await bystanders.check();
    return bystanders;
  }

  /**
   * Sends a batch on the connection of always and waits until all consumers have it, on connections and in
   * chains that never broke.
   *
   * @throws Error where anybody noticed anything.
   */
  async check(): Promise<void> {
    this.#orders += 1;
    const events = [add(this.#orders, "bid", 1000 - this.#orders, this.#orders)];
    this.#history.apply(events);
    await this.#producer.send(wireBatch(symbol, events));
    for (const consumer of this.#consumers) {
      const { transport, books } = consumer;
      await eventually(
        () => {
          const ended = consumer.ended();
          if (ended !== undefined) throw new Error(`the healthy ${transport} consumer ended: ${ended}`);
          const [book] = books.all();
          return book?.ready === true && this.#history.isNewest(book);
        },
        { what: `the healthy ${transport} consumer has the newest state` },
      );
      const { counters } = books.all()[0] as NonNullable<ReturnType<typeof books.all>[0]>;
      if (counters.snapshots !== 1) throw new Error(`the healthy ${transport} consumer was disturbed`);
    }
  }
}
