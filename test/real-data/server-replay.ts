import { type FlowEvent, wireBatch } from "../support/flow-event.ts";
import type { IngestAckedCall } from "../support/grpc-client.ts";
import type { ReferenceBook } from "../support/reference-book.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import {
  connectConsumer,
  connectGrpc,
  type TestConsumer,
  type TransportName,
} from "../support/test-client.ts";
import type { BookLevel, Update } from "../support/update.ts";
import type { HeldTop, Judge, Scales, TopLevel } from "./held-top.ts";

/** How long a subscriber may take to hold what is right; far more than it needs. */
const PATIENCE_MS = 10_000;

export interface ServerReplayOptions {
  readonly crossPolicy: "reject" | "flag";
  readonly instruments: ReadonlyMap<string, Scales>;
  /** Levels a side that the subscribers see. */
  readonly depth: number;
  readonly transports: readonly TransportName[];
}

/**
 * Real data into a real server over gRPC, and out of it to subscribers on each transport: independent
 * clients that keep their own books. Every message that a subscriber gets is judged by the answer for its
 * sequence. Ends with the test.
 */
export class ServerReplay {
  readonly server: TestServer;
  readonly #call: IngestAckedCall;
  readonly #subscribers: readonly Subscriber[];
  /** By symbol. */
  readonly #answers: ReadonlyMap<string, Answers>;

  private constructor(
    server: TestServer,
    call: IngestAckedCall,
    subscribers: readonly Subscriber[],
    answers: ReadonlyMap<string, Answers>,
  ) {
    this.server = server;
    this.#call = call;
    this.#subscribers = subscribers;
    this.#answers = answers;
  }

  static async open({
    crossPolicy,
    instruments,
    depth,
    transports,
  }: ServerReplayOptions): Promise<ServerReplay> {
    const server = await startTestServer();
    const producer = connectGrpc(server);
    for (const [symbol, scales] of instruments) {
      await producer.defineInstrument({ symbol, ...scales, crossPolicy });
    }
    const symbols = [...instruments.keys()];
    const answers = new Map(symbols.map((symbol) => [symbol, new Answers()]));
    const subscribers: Subscriber[] = [];
    for (const transport of transports) {
      subscribers.push(await Subscriber.connect(server, transport, symbols, depth, answers));
    }
    return new ServerReplay(server, producer.openIngestAcked(), subscribers, answers);
  }

  /**
   * Sends one batch and waits until every subscriber holds a book that the judge is content with.
   *
   * @throws Error at a refused event, a message that is wrong at its sequence, or a subscriber that never
   *   gets there.
   */
  async step(symbol: string, events: readonly FlowEvent[], judge: Judge): Promise<void> {
    const answers = this.#answers.get(symbol) as Answers;
    // Before sending: subscribers may have the batch before its producer has the acknowledgement.
    answers.expect(events.length, judge);
    if (events.length > 0) {
      const ack = await this.#call.send(wireBatch(symbol, events));
      const refused = ack.rejections[0];
      if (refused !== undefined) throw new Error(`${symbol}: refused event: ${refused.detail}`);
      if (Number(ack.position.sequence) !== answers.sequence) {
        throw new Error(`${symbol} is at ${ack.position.sequence}, expected ${answers.sequence}`);
      }
    }
    for (const subscriber of this.#subscribers) await subscriber.untilRight(symbol, judge);
  }

  /**
   * What each subscriber has got, as one line.
   *
   * @throws Error where one saw a breach of the contract, or a book is not the sum of its orders.
   */
  async finish(): Promise<string> {
    for (const { symbol, faults } of await this.server.running.checkIntegrity()) {
      if (faults.length > 0) throw new Error(`${symbol}: ${faults.join("; ")}`);
    }
    return this.#subscribers
      .map((subscriber) => {
        subscriber.consumer.books.check();
        return `${subscriber.consumer.transport} ${subscriber.judged} messages judged`;
      })
      .join(", ");
  }
}

/** What the book of one symbol must be, by sequence. */
class Answers {
  readonly #judges = new Map<number, Judge>([[0, isEmpty]]);
  sequence = 0;

  expect(eventCount: number, judge: Judge): void {
    this.sequence += eventCount;
    this.#judges.set(this.sequence, judge);
  }

  /** Consumers see the states at the ends of batches only, so every sequence they are told has an answer. */
  faultOf(sequence: number, held: HeldTop): string | undefined {
    const judge = this.#judges.get(sequence);
    return judge === undefined ? "no batch ended there" : judge(held);
  }
}

class Subscriber {
  consumer!: TestConsumer;
  /** Snapshots and deltas, each compared with the answer for its sequence. */
  judged = 0;
  /** By symbol, as of the last message. */
  readonly #held = new Map<string, HeldTop>();
  readonly #answers: ReadonlyMap<string, Answers>;
  readonly #transport: TransportName;
  #wake: (() => void) | undefined;

  private constructor(transport: TransportName, answers: ReadonlyMap<string, Answers>) {
    this.#transport = transport;
    this.#answers = answers;
  }

  static async connect(
    server: TestServer,
    transport: TransportName,
    symbols: readonly string[],
    depth: number,
    answers: ReadonlyMap<string, Answers>,
  ): Promise<Subscriber> {
    const subscriber = new Subscriber(transport, answers);
    subscriber.consumer = await connectConsumer(
      server,
      transport,
      symbols.map((symbol) => ({ symbol, depth, intervalMs: 0 })),
      (update, book) => subscriber.#take(update, book),
    );
    for (const symbol of symbols) await subscriber.untilRight(symbol, isEmpty);
    return subscriber;
  }

  async untilRight(symbol: string, judge: Judge): Promise<void> {
    // Over all messages: heartbeats come for ever.
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      this.consumer.books.check();
      const held = this.#held.get(symbol);
      const wrong = held === undefined ? "no book yet" : judge(held);
      if (wrong === undefined) return;
      if (!(await this.#nextMessage(deadline))) {
        this.consumer.books.check();
        throw new Error(`${this.#transport}, ${symbol}: still wrong: ${wrong}`);
      }
    }
  }

  #take(update: Update, book: ReferenceBook): void {
    try {
      if (update.kind !== "snapshot" && update.kind !== "delta") return;
      const held = { bids: topLevels(book.bids()), asks: topLevels(book.asks()) };
      this.#held.set(update.symbol, held);
      const wrong = (this.#answers.get(update.symbol) as Answers).faultOf(update.sequence, held);
      if (wrong !== undefined) {
        throw new Error(`${this.#transport}, ${update.symbol} at sequence ${update.sequence}: ${wrong}`);
      }
      this.judged += 1;
    } finally {
      this.#wake?.();
    }
  }

  /** False = none came before the deadline, in `performance.now()` milliseconds. */
  #nextMessage(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), deadline - performance.now());
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

function isEmpty({ bids, asks }: HeldTop): string | undefined {
  return bids.length + asks.length === 0 ? undefined : "the book is not empty";
}

function topLevels(levels: readonly BookLevel[]): TopLevel[] {
  return levels.map(([price, quantity]) => [price, quantity]);
}
