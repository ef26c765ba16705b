import { setTimeout as sleep } from "node:timers/promises";
import { answerCommands } from "./answer-commands.ts";
import type { BookSet } from "./book-set.ts";
import type {
  CrashConsumerReport,
  CrashConsumersCommand,
  CrashConsumersOptions,
  SeenState,
} from "./crash-consumers.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { ReferenceBook } from "./reference-book.ts";
import type { TransportName } from "./test-client.ts";
import type { SubscriptionOptions, Update } from "./update.ts";
import { WebSocketClient } from "./websocket-client.ts";

/** The child of `CrashConsumers`. */

const INTERVAL_MS = 10;
const RECONNECT_MS = 50;

/** A connection that lives. */
interface Life {
  readonly books: BookSet;
  readonly ended: Promise<unknown>;
}

type OnUpdate = (update: Update, book: ReferenceBook) => void;

class CrashConsumer {
  readonly #options: CrashConsumersOptions;
  readonly #transport: TransportName;
  /** The newest book of each symbol, over all connections. */
  readonly #books = new Map<string, ReferenceBook>();
  readonly #exactUpTo = new Map<string, number>();
  #seen: SeenState[] = [];
  #life: Life | undefined;
  #epoch = 0n;
  #connections = 0;
  #resumed = 0;
  #failure = "";

  constructor(options: CrashConsumersOptions, transport: TransportName) {
    this.#options = options;
    this.#transport = transport;
  }

  async run(): Promise<never> {
    for (;;) {
      try {
        await this.#live();
      } catch {
        // The server is away, or just came back: the next attempt tells.
      }
      await sleep(RECONNECT_MS);
    }
  }

  report(): CrashConsumerReport {
    this.#check();
    const seen = this.#seen;
    this.#seen = [];
    return {
      transport: this.#transport,
      epoch: String(this.#epoch),
      exactUpTo: Object.fromEntries(this.#exactUpTo),
      connections: this.#connections,
      resumed: this.#resumed,
      failure: this.#failure,
      seen,
    };
  }

  /** One connection, from its beginning to its end. */
  async #live(): Promise<void> {
    const previous = new Map([...this.#books].filter(([, book]) => book.ready));
    const subscriptions = this.#options.symbols.map((symbol) => this.#subscription(symbol, previous));
    this.#life = await this.#connect(subscriptions, (update, book) => this.#take(update, book));
    const { books, ended } = this.#life;
    for (const book of previous.values()) books.resume(book.subscribed.viewId, book);
    await ended.catch(() => {});
    this.#check();
  }

  #check(): void {
    try {
      this.#life?.books.check();
    } catch (thrown) {
      this.#failure ||= String((thrown as Error).stack);
    }
  }

  async #connect(subscriptions: readonly SubscriptionOptions[], onUpdate: OnUpdate): Promise<Life> {
    const { grpcAddress, httpUrl } = this.#options.addresses;
    if (this.#transport !== "grpc") {
      const client = await WebSocketClient.connect(httpUrl, this.#transport, onUpdate);
      for (const subscription of subscriptions) client.subscribe(subscription);
      return { books: client.books, ended: client.closed };
    }
    const client = new GrpcClient(grpcAddress);
    const { books, ended } = client.subscribe(subscriptions, onUpdate);
    return { books, ended: ended.finally(() => client.close()) };
  }

  #subscription(symbol: string, previous: ReadonlyMap<string, ReferenceBook>): SubscriptionOptions {
    const { depth } = this.#options;
    const book = previous.get(symbol);
    return {
      symbol,
      depth,
      intervalMs: INTERVAL_MS,
      id: symbol,
      ...(book !== undefined && { resume: book.position }),
    };
  }

  #take(update: Update, book: ReferenceBook): void {
    const { symbol } = update;
    if (update.kind === "subscribed") {
      if (symbol === this.#options.symbols[0]) this.#connections += 1;
      if (update.resumed) this.#resumed += 1;
    }
    this.#books.set(symbol, book);
    if (!book.ready) return;
    if (this.#epoch !== 0n && book.epoch !== this.#epoch) {
      throw new Error(`the epoch was ${this.#epoch} and is ${book.epoch}`);
    }
    this.#epoch = book.epoch;
    const before = this.#exactUpTo.get(symbol) ?? 0;
    if (book.exactUpTo < before) {
      throw new Error(`${symbol} was exact up to ${before} and is up to ${book.exactUpTo}`);
    }
    this.#exactUpTo.set(symbol, book.exactUpTo);
    if (update.kind === "snapshot" || update.kind === "delta") {
      this.#seen.push([symbol, book.sequence, book.checksum]);
    }
  }
}

const consumers: CrashConsumer[] = [];

answerCommands(async (command: CrashConsumersCommand): Promise<readonly CrashConsumerReport[]> => {
  if (command.op === "start") {
    for (const transport of ["grpc", "json", "proto"] as const) {
      const consumer = new CrashConsumer(command.options, transport);
      consumers.push(consumer);
      void consumer.run();
    }
  }
  return consumers.map((consumer) => consumer.report());
});
