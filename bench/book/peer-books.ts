import { OrderAction, type OrderEventColumns, Side } from "../../src/book/order-events.ts";
import { cpuNanos } from "../support/measure.ts";
import { loadPeer } from "../support/peers.ts";
import { type BookContender, type BookTop, orderIdAt } from "./contender.ts";
import { OrderMap } from "./order-map.ts";

/** The books of other packages. Of each only what is used here is described. */

interface TardisLevel {
  readonly price: number;
  readonly amount: number;
}

interface TardisOrderBook {
  update(change: { isSnapshot: boolean; bids: TardisLevel[]; asks: TardisLevel[] }): void;
  bids(): Iterable<TardisLevel>;
  asks(): Iterable<TardisLevel>;
}

interface CcxtSide extends Array<readonly [number, number]> {
  store(price: number, quantity: number): void;
}

interface CcxtOrderBook {
  readonly bids: CcxtSide;
  readonly asks: CcxtSide;
}

interface MatchingOrderBook {
  limit(order: { side: "buy" | "sell"; id: string; size: number; price: number }): unknown;
  modify(id: string, change: { size: number }): unknown;
  cancel(id: string): unknown;
  depth(): [asks: [number, number][], bids: [number, number][]];
}

export async function createTardisBook(): Promise<BookContender> {
  const { OrderBook } = await loadPeer<{ OrderBook: new () => TardisOrderBook }>("tardis-dev");
  return new TardisBook(new OrderBook());
}

export async function createCcxtBook(): Promise<BookContender> {
  const file = "js/src/base/ws/OrderBook.js";
  const { OrderBook } = await loadPeer<{ OrderBook: new () => CcxtOrderBook }>("ccxt", file);
  return new CcxtBook(new OrderBook());
}

export async function createMatchingBook(): Promise<BookContender> {
  const { OrderBook } = await loadPeer<{ OrderBook: new () => MatchingOrderBook }>("nodejs-order-book");
  return new MatchingBook(new OrderBook());
}

/** A book of levels: the Maps of orders and totals that it needs are in front of it. */
class TardisBook extends OrderMap {
  readonly name = "tardis-dev OrderBook";
  readonly #book: TardisOrderBook;

  constructor(book: TardisOrderBook) {
    super();
    this.#book = book;
    book.update({ isSnapshot: true, bids: [], asks: [] });
  }

  top(levels: number): BookTop {
    const pairs = (side: Iterable<TardisLevel>): [number, number][] =>
      [...side].slice(0, levels).map(({ price, amount }) => [price, amount]);
    return { bids: pairs(this.#book.bids()), asks: pairs(this.#book.asks()) };
  }

  protected setLevel(side: Side, price: number, total: number): void {
    const levels = [{ price, amount: total }];
    this.#book.update(
      side === Side.bid
        ? { isSnapshot: false, bids: levels, asks: [] }
        : { isSnapshot: false, bids: [], asks: levels },
    );
  }
}

/** A book of levels as well. */
class CcxtBook extends OrderMap {
  readonly name = "ccxt OrderBook";
  readonly #book: CcxtOrderBook;

  constructor(book: CcxtOrderBook) {
    super();
    this.#book = book;
  }

  top(levels: number): BookTop {
    const pairs = (side: CcxtSide): [number, number][] =>
      Array.from({ length: Math.min(levels, side.length) }, (_, at) => [side[at]![0], side[at]![1]]);
    return { bids: pairs(this.#book.bids), asks: pairs(this.#book.asks) };
  }

  protected setLevel(side: Side, price: number, total: number): void {
    (side === Side.bid ? this.#book.bids : this.#book.asks).store(price, total);
  }
}

/** A matching engine: it keeps the orders itself. */
class MatchingBook implements BookContender {
  readonly name = "nodejs-order-book";
  readonly #book: MatchingOrderBook;

  constructor(book: MatchingOrderBook) {
    this.#book = book;
  }

  load(batches: readonly OrderEventColumns[]): void {
    this.#applyAll(batches);
  }

  apply(batches: readonly OrderEventColumns[]): number {
    return cpuNanos(() => this.#applyAll(batches));
  }

  top(levels: number): BookTop {
    const [asks, bids] = this.#book.depth();
    return { bids: bids.slice(0, levels), asks: asks.slice(0, levels) };
  }

  #applyAll(batches: readonly OrderEventColumns[]): void {
    for (const batch of batches) {
      for (let index = 0; index < batch.length; index++) this.#applyEvent(batch, index);
    }
  }

  #applyEvent(events: OrderEventColumns, index: number): void {
    const id = String(orderIdAt(events, index));
    const size = events.quantity[index]!;
    switch (events.action[index]) {
      case OrderAction.add: {
        const side = events.side[index] === Side.bid ? "buy" : "sell";
        this.#book.limit({ side, id, size, price: events.price[index]! });
        break;
      }
      case OrderAction.update:
        this.#book.modify(id, { size });
        break;
      default:
        this.#book.cancel(id);
    }
  }
}
