import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { OrderAction, Side } from "../../src/book/order-events.ts";
import { GrpcClient } from "../../src/client/grpc-client.ts";
import { Producer } from "../../src/client/producer/producer.ts";
import type { DepthcastError } from "../../src/errors.ts";
import { eventually } from "./eventually.ts";
import { MortalServer } from "./mortal-server.ts";
import { connectConsumer, type TestConsumer, transports } from "./test-client.ts";

const SYMBOL = "X";
const BATCH_EVENTS = 10;
const LEVEL_PRICE = 100;

export interface Readiness {
  readonly status: number;
  readonly reasons: readonly string[];
}

/**
 * A real server on a disk that a test makes fail, a producer that resumes by itself, and consumers. The producer's
 * n-th event sets one level to n: the book's sequence and that quantity are both n, or something is lost or doubled.
 */
export class DiskFaultRig {
  readonly server: MortalServer;
  readonly producer: Producer;
  readonly client: GrpcClient;
  readonly consumers: readonly TestConsumer[];
  readonly logPath: string;
  #written = 0;
  #stopping = false;
  #pumping: Promise<void> = Promise.resolve();

  private constructor(
    server: MortalServer,
    producer: Producer,
    client: GrpcClient,
    consumers: readonly TestConsumer[],
    logPath: string,
  ) {
    this.server = server;
    this.producer = producer;
    this.client = client;
    this.consumers = consumers;
    this.logPath = logPath;
  }

  static async start(
    folder: string,
    { environment = {}, args = [] }: { environment?: Record<string, string>; args?: readonly string[] } = {},
  ): Promise<DiskFaultRig> {
    const logPath = join(folder, "log.db");
    const flags = ["--log", `sqlite:${logPath}`, "--heartbeat-interval-ms", "50", ...args];
    const server = await MortalServer.create(flags, environment);
    server.start();
    await server.ready();
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    await client.defineInstrument({
      symbol: SYMBOL,
      priceScale: 2,
      quantityScale: 0,
      crossPolicy: CrossPolicy.reject,
      tickSize: 0,
      lotSize: 0,
      description: "",
    });
    const producer = await Producer.open({
      target: server.grpcAddress,
      producerId: "p",
      batchEventsMax: BATCH_EVENTS,
      // All batches are full, so that their number tells how many events they are.
      lingerMs: 3_600_000,
      keptBytesMax: 64 * 1024,
      backoff: { firstDelayMs: 10, delayMaxMs: 100 },
    });
    onTestFinished(() => producer.abort());
    const consumers = await Promise.all(
      transports.map((transport) =>
        connectConsumer(server, transport, [{ symbol: SYMBOL, depth: 5, intervalMs: 0 }]),
      ),
    );
    return new DiskFaultRig(server, producer, client, consumers, logPath);
  }

  /** Writes on and on in the background, as quick as the server takes it, until `flush`. */
  pump(): void {
    this.#stopping = false;
    this.#pumping = this.#write();
    this.#pumping.catch(() => {});
  }

  /** Writes no more, and waits until all is acknowledged. @throws DepthcastError why the producer has stopped. */
  async flush(): Promise<void> {
    this.#stopping = true;
    await this.#pumping;
    await this.producer.flush();
  }

  /** The producer is held by this cause, told by the server. */
  async refused(): Promise<DepthcastError> {
    return eventually(
      () => {
        const { status } = this.producer;
        const told = status.phase === "reconnecting" && status.cause.details.reason !== undefined;
        return told ? status.cause : undefined;
      },
      { deadlineMs: 20_000, what: "the producer is refused" },
    );
  }

  /** Nothing was acknowledged that the book does not have. */
  async expectNoFalseAcknowledgement(): Promise<void> {
    const acknowledged = this.producer.acknowledgedBatch;
    const sequence = await this.sequence();
    expect(sequence).toBeGreaterThanOrEqual(acknowledged * BATCH_EVENTS);
    expect(await this.client.producerPosition("p")).toBe(sequence / BATCH_EVENTS);
  }

  /** The consumers have what there is, they live, and there is room for more of them. While nothing can be written. */
  async expectServed(): Promise<void> {
    const sequence = await this.sequence();
    for (const consumer of this.consumers) {
      const { transport, books } = consumer;
      const book = books.find(SYMBOL)!;
      await eventually(() => book.exactUpTo === sequence, { what: `${transport} has it all` });
      const { heartbeats } = book.counters;
      await eventually(() => book.counters.heartbeats > heartbeats, { what: `${transport} goes on` });
      expect(book.bids()).toEqual([[LEVEL_PRICE, sequence, 1]]);
      expect(consumer.ended()).toBeUndefined();
    }
    const late = await connectConsumer(this.server, "json", [{ symbol: SYMBOL }]);
    await eventually(() => late.books.find(SYMBOL)?.sequence === sequence);
    late.close();
  }

  /** Every event that was written counts once. */
  async expectAll(): Promise<void> {
    expect(await this.sequence()).toBe(this.#written);
    const { snapshot } = await this.client.getSnapshot(SYMBOL);
    expect(snapshot.bids).toEqual([{ price: LEVEL_PRICE, quantity: this.#written, orderCount: 1 }]);
    const { acceptedEvents, rejectedEvents, uncountedEvents } = this.producer.totals;
    expect({ events: acceptedEvents + uncountedEvents, rejectedEvents }).toEqual({
      events: this.#written,
      rejectedEvents: 0,
    });
  }

  async sequence(): Promise<number> {
    return (await this.client.getSnapshot(SYMBOL)).snapshot.sequence;
  }

  async readiness(): Promise<Readiness> {
    const response = await fetch(`${this.server.httpUrl}/readyz`);
    const { reasons } = (await response.json()) as { reasons: string[] };
    return { status: response.status, reasons };
  }

  /** Kills the server and starts it again; resolves when it serves. */
  async restart(): Promise<void> {
    await this.server.kill();
    this.server.start();
    await this.server.ready();
  }

  async #write(): Promise<void> {
    while (!this.#stopping || this.#written % BATCH_EVENTS > 0) {
      this.#written += 1;
      await this.producer.write(SYMBOL, {
        action: OrderAction.setLevel,
        side: Side.bid,
        price: LEVEL_PRICE,
        quantity: this.#written,
      });
      if (this.#written % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
