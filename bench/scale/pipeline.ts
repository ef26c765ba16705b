import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import { DepthFeed } from "../../src/board/depth-feed.ts";
import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";
import { Side } from "../../src/book/order-events.ts";
import { Broadcaster } from "../../src/broadcast/broadcaster.ts";
import type { Consumer, ConsumerSession } from "../../src/broadcast/consumer.ts";
import { Engine } from "../../src/engine/engine.ts";
import { InstrumentTable } from "../../src/engine/instrument-table.ts";
import { createLimits } from "../../src/limits.ts";
import { encodeBatchRecord } from "../../src/log/record.ts";
import { createMetrics } from "../../src/observability/metrics.ts";
import { jsonDialect } from "../../src/protocol/json-dialect.ts";
import { protoDialect } from "../../src/protocol/proto-dialect.ts";
import { type Batch, BatchWriter, createBatches } from "../flows/batches.ts";
import { MID_PRICE } from "../flows/flow-orders.ts";
import { expectOutcome } from "../support/benchmark.ts";
import { CheckedBooks } from "../support/checked-books.ts";
import { HandTurnedClock } from "../support/hand-turned-clock.ts";
import { SeededRandom } from "../support/random.ts";

export interface PipelineShape {
  readonly symbols: number;
  /** Of each book; one order each. */
  readonly levelsPerSide: number;
  readonly depth: number;
  /** With all symbols each, but no more than SUBSCRIPTIONS_MAX: then they share them. */
  readonly consumers: number;
  /** The changes of an interval are among the best so many levels of a side. */
  readonly changedWithin: number;
}

/** Of one consumer. */
export const SUBSCRIPTIONS_MAX = 200;
/** Levels of each book that change in an interval. */
const CHANGED_LEVELS = 14;
const SEED = 3;
const HASH_SEED = 0x5eed_b00c;
const MiB = 2 ** 20;

/** Engine, depth board and broadcaster on one thread, driven by hand, with consumers that take all at once. */
export class Pipeline {
  readonly #shape: PipelineShape;
  readonly #random = new SeededRandom(SEED);
  readonly #clock = new HandTurnedClock();
  readonly #limits = createLimits({
    flushBudgetPercent: 100,
    boardBytesMax: 1024 * MiB,
    viewBytesMax: 1024 * MiB,
  });
  readonly #instruments = new InstrumentTable();
  readonly #engine: Engine;
  readonly #broadcaster: Broadcaster;
  readonly #consumers: CountingConsumer[] = [];
  readonly #writer = new BatchWriter();
  readonly #batch = createBatches(CHANGED_LEVELS, CHANGED_LEVELS);
  #logIndex = 0;
  #intervals = 0;

  constructor(shape: PipelineShape) {
    this.#shape = shape;
    const clock = this.#clock;
    const board = new DepthBoardWriter({
      readers: 1,
      instrumentsMax: this.#limits.instrumentsMax,
      bytesMax: this.#limits.boardBytesMax,
      ring: () => feed.ring(),
      announce: (index, buffer) => feed.attach(index, buffer),
    });
    const engine = new Engine({ publisher: board, hashSeed: HASH_SEED, onTurn: () => {} });
    const feed: DepthFeed = new DepthFeed({
      reader: 0,
      control: board.control,
      clock,
      requests: {
        claim: (index, levels) => Promise.resolve(engine.claimDepth(index, 0, levels)),
        release: (index, levels) => engine.releaseDepth(index, 0, levels),
      },
    });
    const metrics = createMetrics({ process: false });
    metrics.stop();
    this.#engine = engine;
    this.#broadcaster = new Broadcaster({
      clock,
      limits: this.#limits,
      epoch: 1n,
      depths: feed,
      instruments: this.#instruments,
      encoders: { proto: protoDialect, json: jsonDialect },
      metrics: metrics.broadcast,
    });
  }

  /** Makes the books. */
  fill(): void {
    const { liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax } = this.#limits;
    const rules = { rulesVersion: 1, liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax } as const;
    this.#engine.setRules(this.#logIndex++, rules);
    const { symbols, levelsPerSide } = this.#shape;
    const batches = createBatches(levelsPerSide * 2);
    this.#writer.begin(batches);
    for (let level = 0; level < levelsPerSide; level++) {
      this.#writer.add(orderAt(Side.bid, level), Side.bid, MID_PRICE - 1 - level, 1_000_000);
      this.#writer.add(orderAt(Side.ask, level), Side.ask, MID_PRICE + 1 + level, 1_000_000);
    }
    for (let index = 1; index <= symbols; index++) {
      const instrument = instrumentOf(index);
      this.#engine.define(this.#logIndex++, index, instrument);
      this.#instruments.put({ index, instrument });
      for (const batch of batches) this.#apply(index, batch);
    }
    this.#engine.endTurn();
    this.#clock.runAll();
  }

  async connectConsumers(): Promise<void> {
    const { symbols, consumers } = this.#shape;
    for (let consumer = 0; consumer < consumers; consumer++) {
      const counting = new CountingConsumer();
      this.#consumers.push(counting);
      const session = this.#broadcaster.connect(counting);
      const shared = symbols > SUBSCRIPTIONS_MAX;
      const first = shared ? consumer * SUBSCRIPTIONS_MAX + 1 : 1;
      const last = shared ? Math.min(symbols, first + SUBSCRIPTIONS_MAX - 1) : symbols;
      for (let index = first; index <= last; index++) await this.#subscribe(session, index);
    }
    this.#clock.runAll();
  }

  /** One batch for each book, published and sent to everybody. */
  interval(): void {
    this.#intervals += 1;
    const { symbols, changedWithin } = this.#shape;
    for (let index = 1; index <= symbols; index++) {
      this.#writer.begin(this.#batch);
      for (let change = 0; change < CHANGED_LEVELS; change++) {
        const side = change % 2 === 0 ? Side.bid : Side.ask;
        const order = orderAt(side, this.#random.below(changedWithin));
        this.#writer.update(order, 1_000_000 + this.#random.below(1_000_000));
      }
      this.#apply(index, this.#batch[0]!);
    }
    this.#engine.endTurn();
    this.#clock.runAll();
  }

  /**
   * Everybody got a message for each interval in which something in the window must have changed, and a
   * newcomer's book passes its checks at the newest sequence.
   */
  async check(): Promise<void> {
    const { changedWithin, depth } = this.#shape;
    const most = this.#intervals + 1;
    // The first message is the snapshots.
    const least = changedWithin <= depth ? most : 1;
    for (const { messages } of this.#consumers) {
      expectOutcome(messages >= least && messages <= most, `${messages} of ${least} to ${most} messages`);
    }
    const books = new CheckedBooks();
    const newcomer = new CountingConsumer((piece) => books.take(0, piece));
    await this.#subscribe(this.#broadcaster.connect(newcomer), 1);
    this.#clock.runAll();
    books.expectAll(1, this.#shape.levelsPerSide * 2 + this.#intervals * CHANGED_LEVELS);
  }

  #subscribe(session: ConsumerSession, index: number): Promise<number> {
    const { symbol } = instrumentOf(index);
    return session.subscribe({ symbol, depth: this.#shape.depth, intervalMs: 0, resume: undefined, id: "" });
  }

  #apply(instrument: number, events: Batch): void {
    const record = encodeBatchRecord({
      instrument,
      events,
      producerId: "",
      batchNumber: 0,
      sourceTimeLow: 0,
      sourceTimeHigh: 0,
    });
    this.#engine.apply(this.#logIndex++, record);
  }
}

class CountingConsumer implements Consumer {
  readonly dialect = "proto";
  messages = 0;
  readonly #onPiece: ((piece: Uint8Array) => void) | undefined;

  constructor(onPiece?: (piece: Uint8Array) => void) {
    this.#onPiece = onPiece;
  }

  isWritable(): boolean {
    return true;
  }

  send(pieces: readonly Uint8Array[]): boolean {
    this.messages += 1;
    for (const piece of pieces) this.#onPiece?.(piece);
    return true;
  }

  cutOff(reason: Error): void {
    throw reason;
  }
}

function orderAt(side: Side, level: number): number {
  return 1 + level * 2 + (side === Side.ask ? 1 : 0);
}

function instrumentOf(index: number): Instrument {
  return {
    symbol: `SYM-${index}`,
    priceScale: 2,
    quantityScale: 0,
    crossPolicy: CrossPolicy.reject,
    tickSize: 0,
    lotSize: 0,
    description: "",
  };
}
