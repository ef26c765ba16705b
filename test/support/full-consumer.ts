import type { BookSet } from "./book-set.ts";
import { GrpcClient, type GrpcSubscription } from "./grpc-client.ts";
import type { SoakConsumer, SoakCounters } from "./soak-consumer.ts";
import type { FinalState } from "./soak-consumers.ts";
import type { SubscriptionOptions } from "./update.ts";
import { WebSocketClient, type WebSocketDialect } from "./websocket-client.ts";

/** Consumers that hold the server to the whole contract: the tests' clients and `ReferenceBook`s. */
abstract class FullConsumer implements SoakConsumer {
  readonly #subscriptions: readonly SubscriptionOptions[];
  /** Of every connection, so that no breach is forgotten. */
  readonly #all: BookSet[] = [];

  constructor(subscriptions: readonly SubscriptionOptions[]) {
    this.#subscriptions = subscriptions;
  }

  abstract connect(onOpen: () => void): Promise<void>;
  abstract pause(): void;
  abstract resume(): void;

  isReady(): boolean {
    const books = this.#all.at(-1)?.all() ?? [];
    return books.length === this.#subscriptions.length && books.every(({ ready }) => ready);
  }

  counters(): SoakCounters {
    const books = this.#all.flatMap((set) => set.all());
    const sum = (name: "snapshots" | "deltas" | "resyncs"): number =>
      books.reduce((total, { counters }) => total + counters[name], 0);
    return {
      snapshots: sum("snapshots"),
      deltas: sum("deltas"),
      resyncs: sum("resyncs"),
      resumed: books.filter((book) => book.ready && book.subscribed.resumed).length,
      mergedIntervalsMax: Math.max(0, ...books.map(({ counters }) => counters.mergedIntervalsMax)),
    };
  }

  check(): void {
    for (const books of this.#all) books.check();
  }

  behind(states: Readonly<Record<string, FinalState>>): number {
    const there = (this.#all.at(-1)?.all() ?? []).filter((book) => {
      const final = states[book.subscribed.symbol];
      return final?.sequence === book.exactUpTo && final.checksum === book.checksum;
    });
    return this.#subscriptions.length - there.length;
  }

  /** Of a new connection: what to ask for, and its books once they are there. */
  protected begin(): { subscriptions: SubscriptionOptions[]; adopt: (books: BookSet) => void } {
    const before = (this.#all.at(-1)?.all() ?? []).filter(({ ready }) => ready);
    return {
      subscriptions: this.#subscriptions.map((wanted) => {
        const book = before.find(({ subscribed }) => subscribed.symbol === wanted.symbol);
        return book === undefined ? wanted : { ...wanted, resume: book.position };
      }),
      adopt: (books) => {
        for (const book of before) books.resume(book.subscribed.viewId, book);
        this.#all.push(books);
      },
    };
  }
}

export class FullGrpcConsumer extends FullConsumer {
  readonly #address: string;
  #call: GrpcSubscription | undefined;

  constructor(address: string, subscriptions: readonly SubscriptionOptions[]) {
    super(subscriptions);
    this.#address = address;
  }

  async connect(onOpen: () => void): Promise<void> {
    const client = new GrpcClient(this.#address);
    const { subscriptions, adopt } = this.begin();
    const call = client.subscribe(subscriptions);
    this.#call = call;
    adopt(call.books);
    await call.ended.finally(() => {
      if (call.books.messages > 0) onOpen();
      client.close();
    });
  }

  pause(): void {
    this.#call?.pause();
  }

  resume(): void {
    this.#call?.resume();
  }
}

export class FullWebSocketConsumer extends FullConsumer {
  readonly #url: string;
  readonly #dialect: WebSocketDialect;
  #client: WebSocketClient | undefined;

  constructor(httpUrl: string, dialect: WebSocketDialect, subscriptions: readonly SubscriptionOptions[]) {
    super(subscriptions);
    this.#url = httpUrl;
    this.#dialect = dialect;
  }

  async connect(onOpen: () => void): Promise<void> {
    const client = await WebSocketClient.connect(this.#url, this.#dialect);
    this.#client = client;
    const { subscriptions, adopt } = this.begin();
    adopt(client.books);
    onOpen();
    for (const subscription of subscriptions) client.subscribe(subscription);
    await client.closed;
  }

  pause(): void {
    this.#client?.pause();
  }

  resume(): void {
    this.#client?.resume();
  }
}
