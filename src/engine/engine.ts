import type { BookState } from "../book/depth.ts";
import { sameNumbers, type BookRules, type Instrument } from "../book/instrument.ts";
import { checkIntegrity } from "../book/integrity.ts";
import { OrderBook } from "../book/order-book.ts";
import { Side } from "../book/order-events.ts";
import { BatchTally } from "../book/rejection.ts";
import type { ClaimOutcome, ReleaseOutcome } from "../board/depth-board-writer.ts";
import type { DepthSlot } from "../board/slot-publisher.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import { BatchReader } from "../log/batch-reader.ts";
import type { LogRules } from "../log/record.ts";
import type { BookSnapshot } from "../log/snapshot/snapshot.ts";
import type { EngineLink } from "./engine-link.ts";
import { type EngineTurn, EngineTurnWriter, type PlainError } from "./engine-turn.ts";

/** Where an engine publishes depth: the depth board's writer. */
export interface DepthPublisher {
  define(instrument: number): void;
  publish(instrument: number, write: (slot: DepthSlot) => void): void;
  endTurn(): void;
  claimDepth(instrument: number, reader: number, levels: number): ClaimOutcome;
  releaseDepth(instrument: number, reader: number, levels: number): ReleaseOutcome;
  dropReader(reader: number): number[];
}

export interface EngineOptions {
  readonly publisher: DepthPublisher;
  /** Seeds the books' hash tables; random per process, since order ids come from strangers. */
  readonly hashSeed: number;
  /** Told what became of a turn, once its depth is published. */
  readonly onTurn: (turn: EngineTurn) => void;
}

/** What `checkIntegrity` found in one book. */
export interface BookIntegrity {
  readonly symbol: string;
  readonly faults: readonly string[];
}

interface EngineBook {
  readonly index: number;
  instrument: Instrument;
  book: OrderBook;
  sourceTimeLow: number;
  sourceTimeHigh: number;
  /** Log entries up to this one are in it from the start, since it came from a snapshot. */
  readonly restoredThrough: number;
  /** Changed since it was last published. */
  dirty: boolean;
}

/**
 * Owns books and is the only one to change them: what it is told comes from the log, in order, through
 * the sequencer. It never touches a socket; depth leaves it through the board, once a turn for each
 * symbol that changed. One thread.
 */
export class Engine implements EngineLink {
  readonly #publisher: DepthPublisher;
  readonly #hashSeed: number;
  readonly #onTurn: (turn: EngineTurn) => void;
  /** By instrument number; engines own disjoint sets. */
  readonly #books = new Map<number, EngineBook>();
  readonly #turn = new EngineTurnWriter();
  readonly #reader = new BatchReader();
  readonly #tally = new BatchTally();
  #dirty: EngineBook[] = [];
  #rules: LogRules | undefined;
  /** The last log entry that it was told of. */
  #toldThrough = -1;

  constructor({ publisher, hashSeed, onTurn }: EngineOptions) {
    this.#publisher = publisher;
    this.#hashSeed = hashSeed;
    this.#onTurn = onTurn;
  }

  setRules(logIndex: number, rules: LogRules): void {
    this.#toldThrough = logIndex;
    this.#rules = rules;
    // Of restored books too: those that they have had before lead to the ones that they have.
    for (const { book } of this.#books.values()) {
      book.setCapacities(rules.liveOrdersMax, rules.levelsPerSideMax);
    }
    this.#turn.addRules();
  }

  define(logIndex: number, instrument: number, definition: Instrument): void {
    this.#toldThrough = logIndex;
    const entry = this.#books.get(instrument) ?? this.#create(instrument, definition);
    const refusal = logIndex > entry.restoredThrough ? this.#redefine(entry, definition) : undefined;
    this.#turn.addDefinition({
      logIndex,
      instrument,
      inForce: entry.instrument,
      refusal: refusal && plainError(refusal),
    });
  }

  apply(logIndex: number, record: ArrayBuffer): void {
    const batch = this.#reader.read(record);
    const entry = this.#entry(batch.instrument);
    this.#toldThrough = logIndex;
    if (logIndex <= entry.restoredThrough) {
      this.#turn.addSkippedBatch(logIndex, batch.instrument, entry.book.sequence);
      return;
    }
    this.#tally.reset();
    entry.book.apply(batch.events, this.#tally);
    entry.sourceTimeLow = batch.sourceTimeLow;
    entry.sourceTimeHigh = batch.sourceTimeHigh;
    this.#turn.addBatch(logIndex, batch.instrument, this.#tally, entry.book.sequence);
    this.#markDirty(entry);
  }

  /** Publishes every symbol that changed, wakes the readers, and tells what became of the turn. */
  endTurn(): undefined {
    this.#publishDirty();
    if (!this.#turn.isEmpty) this.#onTurn(this.#turn.take());
  }

  /** Makes the board hold more of an instrument. False = over its budget. The depth is there on return. */
  claimDepth(instrument: number, reader: number, levels: number): boolean {
    const outcome = this.#publisher.claimDepth(instrument, reader, levels);
    if (outcome === "grown") this.#republish([instrument]);
    return outcome !== "refused";
  }

  releaseDepth(instrument: number, reader: number, levels: number): void {
    if (this.#publisher.releaseDepth(instrument, reader, levels) === "shrunk") this.#republish([instrument]);
  }

  /** A reader of the board is gone; another may take over its number. */
  dropReader(reader: number): void {
    this.#republish(this.#publisher.dropReader(reader));
  }

  /** Recomputes every book from its orders. Takes time in proportion to all live orders. */
  checkIntegrity(): readonly BookIntegrity[] {
    return Array.from(this.#books.values(), ({ instrument, book }) => ({
      symbol: instrument.symbol,
      faults: checkIntegrity(book),
    }));
  }

  /** Hash of every book's whole state, by symbol: equal on all nodes that have applied the same log. */
  stateHashes(): readonly (readonly [symbol: string, hash: string])[] {
    return Array.from(this.#books.values(), ({ instrument, book }) => [instrument.symbol, book.stateHash()]);
  }

  async exportBook(instrument: number): Promise<BookSnapshot> {
    const entry = this.#entry(instrument);
    const { liveOrdersMax, levelsPerSideMax } = entry.book.rules;
    return {
      index: instrument,
      instrument: entry.instrument,
      liveOrdersMax,
      levelsPerSideMax,
      sourceTimeLow: entry.sourceTimeLow,
      sourceTimeHigh: entry.sourceTimeHigh,
      appliedThrough: this.#toldThrough,
      state: entry.book.exportState(),
    };
  }

  async restoreBook(snapshot: BookSnapshot): Promise<void> {
    const { index, instrument } = snapshot;
    invariant(!this.#books.has(index), "a book is restored before anything else is told of it");
    const rules = bookRules(instrument, snapshot);
    this.#addBook({
      index,
      instrument,
      book: OrderBook.restore(rules, snapshot.state, this.#hashSeed),
      sourceTimeLow: snapshot.sourceTimeLow,
      sourceTimeHigh: snapshot.sourceTimeHigh,
      restoredThrough: snapshot.appliedThrough,
      dirty: false,
    });
    this.#publishDirty();
  }

  #create(index: number, instrument: Instrument): EngineBook {
    return this.#addBook({
      index,
      instrument,
      book: this.#emptyBook(instrument),
      sourceTimeLow: 0,
      sourceTimeHigh: 0,
      restoredThrough: -1,
      dirty: false,
    });
  }

  #addBook(entry: EngineBook): EngineBook {
    this.#books.set(entry.index, entry);
    this.#publisher.define(entry.index);
    this.#markDirty(entry);
    return entry;
  }

  #emptyBook(instrument: Instrument): OrderBook {
    invariant(this.#rules !== undefined, "the log begins with its rules");
    return new OrderBook(bookRules(instrument, this.#rules), this.#hashSeed);
  }

  #redefine(entry: EngineBook, instrument: Instrument): DepthcastError | undefined {
    if (!sameNumbers(entry.instrument, instrument)) {
      if (entry.book.sequence > 0) return fixedNumbers(instrument.symbol);
      // No event was applied yet, so nothing is lost by starting anew with the new numbers.
      entry.book = this.#emptyBook(instrument);
    } else if (!entry.book.setCrossPolicy(instrument.crossPolicy)) {
      return crossedNow(instrument.symbol);
    }
    entry.instrument = instrument;
    this.#markDirty(entry);
    return undefined;
  }

  #republish(instruments: readonly number[]): void {
    for (const instrument of instruments) this.#markDirty(this.#entry(instrument));
    this.#publishDirty();
  }

  #publishDirty(): void {
    if (this.#dirty.length === 0) return;
    for (const entry of this.#dirty) this.#publish(entry);
    this.#dirty = [];
    this.#publisher.endTurn();
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

function plainError({ code, message, details }: DepthcastError): PlainError {
  return { code, message, details };
}

function bookRules(
  instrument: Instrument,
  rules: Pick<BookRules, "liveOrdersMax" | "levelsPerSideMax">,
): BookRules {
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
