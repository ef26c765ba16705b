import type { BookState } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";
import type { DepthcastError } from "../errors.ts";
import { Amount } from "./amount.ts";
import type { NewestState } from "./newest-state.ts";
import type { BookPosition, PriceLevel } from "./market-update.ts";
import type { WatchedView } from "./watched-view.ts";

/**
 * How far a book can be trusted:
 * - `live`: exactly the best levels at `sequence`, every message checked, and the server was heard within two heartbeats.
 * - `stale`: what it was when the server was last heard. The connection is lost or silent.
 * - `resyncing`: the server is there, the book is not: it waits for a snapshot, after a lost or damaged message.
 * - `closed`: nothing comes any more; `error` says why, where it was not you.
 */
export type BookStatus = "live" | "stale" | "resyncing" | "closed";

/** A price level of a book. */
export interface BookLevel {
  readonly price: Amount;
  /** The sum of its orders. */
  readonly quantity: Amount;
  /** How many orders these are; what a source gives as a level, without its orders, counts as one. */
  readonly orderCount: number;
}

/** A newer state of a book, told by its iterator. Status and sequence are the book's when they are looked at, as its levels are. */
export interface BookChange extends NewestState {
  readonly status: BookStatus;
  readonly sequence: number;
}

/**
 * A book that is kept for you: the exact best levels of one symbol, and whether they can be trusted now.
 *
 * ```ts
 * for await (const { skipped } of book) draw(book.bids, book.asks, book.status);
 * ```
 *
 * The iterator gives the newest state when its reader is ready for it, never a queue. Everything here is the present
 * state: what is to be kept has to be copied; `bids` and `asks` are arrays of their own for each state.
 */
export class LiveBook implements AsyncIterable<BookChange> {
  readonly #view: WatchedView;
  readonly #release: () => void;
  #closed = false;
  #version = -1;
  #bids: readonly BookLevel[] = [];
  #asks: readonly BookLevel[] = [];

  /** @internal Made by `client.watch`. */
  constructor(view: WatchedView, release: () => void) {
    this.#view = view;
    this.#release = release;
  }

  /** As it was given to `watch`. */
  get symbol(): string {
    return this.#view.subscription.symbol;
  }
  /** Scales, tick and lot size, and the cross policy. */
  get instrument(): Instrument {
    return this.#view.book.instrument;
  }
  /** The most levels a side. */
  get depth(): number {
    return this.#view.book.depth;
  }
  /** The least time between two updates; longer where the server is at its limit. */
  get intervalMs(): number {
    return this.#view.book.intervalMs;
  }
  /** Whether what is here can be trusted now. */
  get status(): BookStatus {
    return this.#closed ? "closed" : this.#view.status;
  }
  /** Why it is `closed`, where nobody closed it. */
  get error(): DepthcastError | undefined {
    return this.#view.error;
  }
  /** Highest first. */
  get bids(): readonly BookLevel[] {
    this.#refresh();
    return this.#bids;
  }
  /** Lowest first. */
  get asks(): readonly BookLevel[] {
    this.#refresh();
    return this.#asks;
  }
  /** The highest bid; undefined while there is none. */
  get bestBid(): BookLevel | undefined {
    return this.bids[0];
  }
  /** The lowest ask; undefined while there is none. */
  get bestAsk(): BookLevel | undefined {
    return this.asks[0];
  }
  /** Best ask minus best bid; undefined while a side is empty, negative where the book is crossed. */
  get spread(): Amount | undefined {
    const { spread, instrument } = this.#view.book;
    return spread === undefined ? undefined : new Amount(spread, instrument.priceScale);
  }
  /** Open, locked or crossed. */
  get state(): BookState {
    return this.#view.book.state;
  }
  /** Order events in the book since the epoch began. */
  get sequence(): number {
    return this.#view.book.position?.sequence ?? 0;
  }
  /** Where the book stands, for a resume elsewhere. */
  get position(): BookPosition | undefined {
    return this.#view.book.position;
  }
  /** Milliseconds since the server last said that this is the book. Grows while the book is not `live`. */
  get ageMs(): number {
    return this.#view.ageMs;
  }
  /** The source's own time of the newest batch, nanoseconds since 1970; 0 = unknown. */
  get sourceTimeUnixNanos(): bigint {
    return this.#view.book.sourceTimeUnixNanos;
  }
  /** When the server published this state or last confirmed it, nanoseconds since 1970 by the server's clock. */
  get publishTimeUnixNanos(): bigint {
    return this.#view.book.publishTimeUnixNanos;
  }
  /** Intervals that the newest update folded in: over 1 where this client could not keep up. */
  get mergedIntervals(): number {
    return this.#view.book.mergedIntervals;
  }
  /** Over all levels here, as the server has it. */
  get checksum(): number {
    return this.#view.book.checksum;
  }

  /** The newest state now and whenever it has changed, status included. Ends when the book is closed. */
  [Symbol.asyncIterator](): AsyncIterableIterator<BookChange> {
    return this.#view.changes.read(true, (state) => changeOf(this, state));
  }

  /** Ends this book; the server is told when nobody else of this client watches the same. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Levels are made when somebody looks, once for each state. */
  #refresh(): void {
    const { version, book } = this.#view;
    if (version === this.#version) return;
    this.#version = version;
    this.#bids = toLevels(book.bids, book.instrument);
    this.#asks = toLevels(book.asks, book.instrument);
  }
}

/** Reads the book when its reader looks: between a change and its reader's turn the book may have gone on. */
function changeOf(book: LiveBook, state: NewestState): BookChange {
  return {
    ...state,
    get status() {
      return book.status;
    },
    get sequence() {
      return book.sequence;
    },
  };
}

function toLevels(
  levels: readonly PriceLevel[],
  { priceScale, quantityScale }: Instrument,
): readonly BookLevel[] {
  return levels.map(({ price, quantity, orderCount }) => ({
    price: new Amount(price, priceScale),
    quantity: new Amount(quantity, quantityScale),
    orderCount,
  }));
}
