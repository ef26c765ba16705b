import type { BookState } from "../book/depth.ts";
import { sameNumbers, type BookRules, type Instrument } from "../book/instrument.ts";
import { OrderBook } from "../book/order-book.ts";
import { Side } from "../book/order-events.ts";
import type { BatchTally } from "../book/rejection.ts";
import type { DepthSlot } from "../board/slot-publisher.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { BatchRecord, LogRules } from "../log/record.ts";

/** Where an engine publishes depth; the depth board's writer. */
export interface DepthPublisher {
  define(instrument: number): void;
  publish(instrument: number, write: (slot: DepthSlot) => void): void;
  endTurn(): void;
}

export interface EngineOptions {
  readonly publisher: DepthPublisher;
  /** Seeds the books' hash tables; random per process, since order ids come from strangers. */
  readonly hashSeed: number;
}

interface EngineBook {
  readonly index: number;
  instrument: Instrument;
  book: OrderBook;
  sourceTimeLow: number;
  sourceTimeHigh: number;
  /** Changed since it was last published. */
  dirty: boolean;
}

/**
 * Owns books and is the only one to change them: what it is told comes from the log, in order, through
 * the sequencer. It never touches a socket; depth leaves it through the board, once a turn for each
 * symbol that changed. One thread.
 */
export class Engine {
  readonly #publisher: DepthPublisher;
  readonly #hashSeed: number;
  /** By instrument number; engines own disjoint sets. */
  readonly #books = new Map<number, EngineBook>();
  #dirty: EngineBook[] = [];

  constructor({ publisher, hashSeed }: EngineOptions) {
    this.#publisher = publisher;
    this.#hashSeed = hashSeed;
  }

  /** Creates an empty book and publishes it. */
  define(index: number, instrument: Instrument, rules: LogRules): void {
    invariant(!this.#books.has(index), "an instrument is defined once");
    const book = new OrderBook(bookRules(instrument, rules), this.#hashSeed);
    const entry = { index, instrument, book, sourceTimeLow: 0, sourceTimeHigh: 0, dirty: false };
    this.#books.set(index, entry);
    this.#publisher.define(index);
    this.#markDirty(entry);
  }

  /** Changes a definition, or says why it cannot be changed. */
  redefine(index: number, instrument: Instrument, rules: LogRules): DepthcastError | undefined {
    const entry = this.#entry(index);
    if (!sameNumbers(entry.instrument, instrument)) {
      if (entry.book.sequence > 0) return fixedNumbers(instrument.symbol);
      // No event was applied yet, so nothing is lost by starting anew with the new numbers.
      entry.book = new OrderBook(bookRules(instrument, rules), this.#hashSeed);
    } else if (!entry.book.setCrossPolicy(instrument.crossPolicy)) {
      return crossedNow(instrument.symbol);
    }
    entry.instrument = instrument;
    this.#markDirty(entry);
    return undefined;
  }

  /** Applies a batch and tallies what became of its events. */
  apply(batch: BatchRecord, tally: BatchTally): void {
    const entry = this.#entry(batch.instrument);
    tally.reset();
    entry.book.apply(batch.events, tally);
    entry.sourceTimeLow = batch.sourceTimeLow;
    entry.sourceTimeHigh = batch.sourceTimeHigh;
    this.#markDirty(entry);
  }

  /** Publishes every symbol that changed, then wakes the readers. */
  endTurn(): void {
    if (this.#dirty.length === 0) return;
    for (const entry of this.#dirty) this.#publish(entry);
    this.#dirty = [];
    this.#publisher.endTurn();
  }

  /** Publishes a symbol once more: its board buffer was replaced. */
  republish(index: number): void {
    this.#markDirty(this.#entry(index));
    this.endTurn();
  }

  /** Events accepted so far for an instrument. */
  sequence(index: number): number {
    return this.#entry(index).book.sequence;
  }

  /** The books, for integrity checks, snapshots and state hashes. To be read only, between turns. */
  *books(): IterableIterator<{ readonly instrument: Instrument; readonly book: OrderBook }> {
    for (const { instrument, book } of this.#books.values()) yield { instrument, book };
  }

  #entry(index: number): EngineBook {
    const entry = this.#books.get(index);
    invariant(entry !== undefined, "a logged batch names an instrument of this engine");
    return entry;
  }

  #markDirty(entry: EngineBook): void {
    if (entry.dirty) return;
    entry.dirty = true;
    this.#dirty.push(entry);
  }

  #publish(entry: EngineBook): void {
    entry.dirty = false;
    const { book } = entry;
    this.#publisher.publish(entry.index, (slot) => {
      const { bids, asks, capacity } = slot;
      slot.sequence = book.sequence;
      slot.state = book.state() satisfies BookState;
      slot.sourceTimeLow = entry.sourceTimeLow;
      slot.sourceTimeHigh = entry.sourceTimeHigh;
      bids.length = book.copyTop(Side.bid, capacity, bids.price, bids.quantity, bids.orderCount);
      asks.length = book.copyTop(Side.ask, capacity, asks.price, asks.quantity, asks.orderCount);
    });
  }
}

function bookRules(instrument: Instrument, rules: LogRules): BookRules {
  return {
    crossPolicy: instrument.crossPolicy,
    tickSize: instrument.tickSize,
    lotSize: instrument.lotSize,
    liveOrdersMax: rules.liveOrdersMax,
    levelsPerSideMax: rules.levelsPerSideMax,
  };
}

export function fixedNumbers(symbol: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `instrument ${symbol}: scales, tick size and lot size are fixed, events were applied already; define another symbol`,
    { field: "instrument", reason: "INSTRUMENT_FIXED" },
  );
}

function crossedNow(symbol: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `instrument ${symbol}: cross_policy REJECT cannot be switched on while the book is locked or crossed`,
    { field: "instrument.cross_policy", reason: "BOOK_CROSSED" },
  );
}
