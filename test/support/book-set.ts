import { ReferenceBook } from "./reference-book.ts";
import type { Update } from "./update.ts";

/**
 * The books of one stream or connection, one for each view. A breach of the contract is kept and thrown by
 * `check()`, because it is found in a socket's callback where nobody could catch it.
 */
export class BookSet {
  readonly #books = new Map<number, ReferenceBook>();
  readonly #resuming = new Map<number, ReferenceBook>();
  readonly #onUpdate: ((update: Update, book: ReferenceBook) => void) | undefined;
  #failure: Error | undefined;
  messages = 0;

  /** `onUpdate` is called after each message was applied; what it throws is a failure as well. */
  constructor(onUpdate?: (update: Update, book: ReferenceBook) => void) {
    this.#onUpdate = onUpdate;
  }

  apply(update: Update): void {
    if (this.#failure !== undefined) return;
    this.messages += 1;
    try {
      let book = this.#books.get(update.viewId);
      if (book === undefined) {
        book = this.#resuming.get(update.viewId) ?? new ReferenceBook();
        this.#resuming.delete(update.viewId);
        this.#books.set(update.viewId, book);
      }
      book.apply(update);
      this.#onUpdate?.(update, book);
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  /** Records a breach that was seen outside the books. */
  fail(thrown: unknown): void {
    this.#failure ??= thrown instanceof Error ? thrown : new Error(String(thrown));
  }

  /** The next subscription to `viewId` asks to go on where `previous` is. */
  resume(viewId: number, previous: ReferenceBook): void {
    this.#resuming.set(viewId, ReferenceBook.resuming(previous));
  }

  /** The view was unsubscribed: a message of it from now on has to begin with Subscribed. */
  drop(viewId: number): void {
    this.#books.delete(viewId);
  }

  /** @throws the first breach. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  all(): ReferenceBook[] {
    this.check();
    return [...this.#books.values()];
  }

  get(viewId: number): ReferenceBook {
    this.check();
    const book = this.#books.get(viewId);
    if (book === undefined) throw new Error(`nothing received for view ${viewId}`);
    return book;
  }

  find(symbol: string, depth?: number, intervalMs?: number): ReferenceBook | undefined {
    this.check();
    return [...this.#books.values()].find(
      ({ subscribed }) =>
        subscribed.symbol === symbol &&
        (depth === undefined || subscribed.depth === depth) &&
        (intervalMs === undefined || subscribed.intervalMs === intervalMs),
    );
  }
}
