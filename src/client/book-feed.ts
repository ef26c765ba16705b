import { DepthcastError, ErrorCode } from "../errors.ts";
import { Breach, ClientBook } from "./client-book.ts";
import type { MarketDataConnection } from "./market-data-connection.ts";
import type { BookUpdate, MarketSubscription, MarketUpdate } from "./market-update.ts";

/** Something that happened to one book of a feed. */
export type BookEvent =
  /** `book` has taken `update`: look at its phase before using its levels. */
  | { readonly type: "updated"; readonly book: ClientBook; readonly update: BookUpdate }
  /** A check of `book` failed: it was dropped and subscribed anew. */
  | { readonly type: "breach"; readonly book: ClientBook; readonly breach: Breach; readonly detail: string }
  /** The server did not accept a subscription. */
  | { readonly type: "refused"; readonly symbol: string; readonly error: DepthcastError };

/** Breaches of one symbol with nothing good between them, after which asking again is no use. */
const BREACHES_IN_A_ROW_MAX = 3;

/**
 * Books of several symbols, kept from one connection of either kind. A book that fails a check is
 * subscribed anew, so that no wrong book stays.
 */
export class BookFeed {
  readonly #connection: MarketDataConnection;
  readonly #books = new Map<number, ClientBook>();
  readonly #subscriptions = new Map<string, MarketSubscription>();
  /** The subscription behind a view, to ask for it again. */
  readonly #byView = new Map<number, MarketSubscription>();
  readonly #breachesInARow = new Map<string, number>();

  constructor(connection: MarketDataConnection) {
    this.#connection = connection;
  }

  /** The books that are subscribed now, in the order in which they came. */
  get books(): readonly ClientBook[] {
    return [...this.#books.values()];
  }

  subscribe(subscriptions: readonly MarketSubscription[]): void {
    const ids = this.#connection.subscribe(subscriptions);
    for (const [index, id] of ids.entries()) this.#subscriptions.set(id, subscriptions[index]!);
  }

  /**
   * What happens, one array for what the server sent together. Ends when the connection is closed.
   *
   * @throws DepthcastError as `MarketDataConnection.updates`; `internal` where a symbol's book fails its
   *   checks again and again.
   */
  async *events(): AsyncGenerator<readonly BookEvent[], void, undefined> {
    for await (const batch of this.#connection.updates()) {
      const events: BookEvent[] = [];
      for (const update of batch) {
        const event = this.#take(update);
        if (event !== undefined) events.push(event);
      }
      if (events.length > 0) yield events;
    }
  }

  close(): void {
    this.#connection.close();
  }

  #take(update: MarketUpdate): BookEvent | undefined {
    if (update.type === "refused") {
      this.#subscriptions.delete(update.id);
      return { type: "refused", symbol: update.symbol, error: update.error };
    }
    if (update.type === "malformed") {
      const damaged = this.#books.get(update.viewId);
      return damaged && this.#broken(damaged, Breach.malformed, update.detail);
    }
    const book = this.#bookOf(update);
    if (book === undefined) return undefined;
    const verdict = book.apply(update);
    if (verdict.outcome === "skipped") return undefined;
    if (verdict.outcome === "applied") {
      if (update.type === "delta") this.#breachesInARow.delete(book.symbol);
      return { type: "updated", book, update };
    }
    return this.#broken(book, verdict.breach, verdict.detail);
  }

  #broken(book: ClientBook, breach: Breach, detail: string): BookEvent {
    this.#countBreach(book, detail);
    this.#subscribeAnew(book);
    return { type: "breach", book, breach, detail };
  }

  #bookOf(update: BookUpdate): ClientBook | undefined {
    if (update.type === "subscribed") {
      const subscription = this.#subscriptions.get(update.id);
      this.#subscriptions.delete(update.id);
      if (subscription !== undefined) this.#byView.set(update.viewId, subscription);
      if (!this.#books.has(update.viewId)) this.#books.set(update.viewId, new ClientBook(update));
    }
    return this.#books.get(update.viewId);
  }

  #countBreach(book: ClientBook, detail: string): void {
    const breaches = (this.#breachesInARow.get(book.symbol) ?? 0) + 1;
    this.#breachesInARow.set(book.symbol, breaches);
    if (breaches < BREACHES_IN_A_ROW_MAX) return;
    this.close();
    throw new DepthcastError(
      ErrorCode.internal,
      `the book of ${book.symbol} failed its checks ${breaches} times in a row, last: ${detail}`,
    );
  }

  #subscribeAnew(book: ClientBook): void {
    const subscription = this.#byView.get(book.viewId);
    this.#books.delete(book.viewId);
    this.#byView.delete(book.viewId);
    this.#connection.unsubscribe(book.viewId);
    if (subscription !== undefined) this.subscribe([{ ...subscription, resume: undefined }]);
  }
}
