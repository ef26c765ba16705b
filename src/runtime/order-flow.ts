import { DepthBoardWriter } from "../board/depth-board-writer.ts";
import { checkIntegrity } from "../book/integrity.ts";
import { Engine } from "../engine/engine.ts";
import { IngestGate } from "../engine/ingest-gate.ts";
import { InstrumentTable } from "../engine/instrument-table.ts";
import { type EngineMetrics, Sequencer } from "../engine/sequencer.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { LogEntry, LogSubscription, OrderLog } from "../log/order-log.ts";
import { encodeRulesRecord } from "../log/record.ts";

export interface OrderFlowOptions {
  readonly log: OrderLog;
  readonly limits: Limits;
  /** Threads that read the depth board. */
  readonly readers: number;
  readonly hashSeed: number;
  readonly metrics: EngineMetrics;
  /** Wakes a reader of the board. */
  readonly ring: (reader: number) => void;
  /** Hands a new board buffer to all readers. */
  readonly announce: (instrument: number, buffer: SharedArrayBuffer) => void;
  /** A definition is in force. */
  readonly instrumentChanged: (index: number) => void;
  /**
   * The log can be applied no further: a bug, or a damaged record. Called once; nothing is applied, published
   * or acknowledged after it, so the server must not go on.
   */
  readonly failed: (failure: DepthcastError) => void;
}

/** What `checkIntegrity` found in one book. */
export interface BookIntegrity {
  readonly symbol: string;
  readonly faults: readonly string[];
}

/** The side of the log where order is decided: gate, sequencer, engine and the board's writer. One thread. */
export class OrderFlow {
  readonly instruments = new InstrumentTable();
  readonly board: DepthBoardWriter;
  readonly gate: IngestGate;
  readonly #engine: Engine;
  readonly #log: OrderLog;
  readonly #limits: Limits;
  readonly #sequencer: Sequencer;
  readonly #failed: (failure: DepthcastError) => void;
  #hasFailed = false;
  #subscription: LogSubscription | undefined;

  constructor(options: OrderFlowOptions) {
    const { log, limits, readers, ring, announce } = options;
    this.#log = log;
    this.#limits = limits;
    this.#failed = options.failed;
    this.board = new DepthBoardWriter({
      readers,
      instrumentsMax: limits.instrumentsMax,
      bytesMax: limits.boardBytesMax,
      ring,
      announce,
    });
    this.#engine = new Engine({ publisher: this.board, hashSeed: options.hashSeed });
    this.#sequencer = new Sequencer({
      epoch: log.epoch,
      engines: [this.#engine],
      instruments: this.instruments,
      metrics: options.metrics,
      listener: {
        batchDone: (index, outcome) => this.gate.batchDone(index, outcome),
        definitionDone: (index, outcome) => this.gate.definitionDone(index, outcome),
        instrumentChanged: options.instrumentChanged,
      },
    });
    this.gate = new IngestGate({
      log,
      limits,
      instruments: this.instruments,
      producers: this.#sequencer.producers,
      sequence: (instrument) => this.#engine.sequence(instrument),
    });
  }

  /** Writes the rules in force into the log and begins to take from it. */
  async start(): Promise<void> {
    const { liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax } = this.#limits;
    await this.#log.append(
      encodeRulesRecord({ rulesVersion: 1, liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax }),
    );
    this.#subscription = this.#log.subscribe(this.#log.startIndex, {
      consume: (entries) => this.#consume(entries),
    });
  }

  /** False = over the board's budget. The depth is on the board when it returns. */
  claimDepth(instrument: number, reader: number, levels: number): boolean {
    const outcome = this.board.claimDepth(instrument, reader, levels);
    if (outcome === "grown") this.#engine.republish(instrument);
    return outcome !== "refused";
  }

  releaseDepth(instrument: number, reader: number, levels: number): void {
    if (this.board.releaseDepth(instrument, reader, levels) === "shrunk") this.#engine.republish(instrument);
  }

  /** Recomputes every book from its orders. Takes time in proportion to all live orders. */
  checkIntegrity(): readonly BookIntegrity[] {
    return Array.from(this.#engine.books(), ({ instrument, book }) => ({
      symbol: instrument.symbol,
      faults: checkIntegrity(book),
    }));
  }

  /** Hash of every book by symbol: equal on all nodes that have applied the same log. */
  stateHashes(): ReadonlyMap<string, string> {
    return new Map(
      Array.from(this.#engine.books(), ({ instrument, book }) => [instrument.symbol, book.stateHash()]),
    );
  }

  /** Refuses what comes; resolves when what is in the log is applied. */
  async stop(): Promise<void> {
    this.gate.stop();
    await this.#log.close();
    this.#subscription?.cancel();
  }

  #consume(entries: readonly LogEntry[]): void {
    if (this.#hasFailed) return;
    try {
      this.#sequencer.consume(entries);
    } catch (thrown) {
      this.#hasFailed = true;
      this.#subscription?.cancel();
      this.gate.fail();
      this.#failed(engineFailed(thrown));
    }
  }
}

function engineFailed(thrown: unknown): DepthcastError {
  const { message } = DepthcastError.from(thrown);
  return new DepthcastError(
    ErrorCode.internal,
    `the engine has failed and the server stops: ${message}`,
    { reason: "ENGINE_FAILED" },
    { cause: thrown },
  );
}
