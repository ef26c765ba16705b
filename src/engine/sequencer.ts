import type { Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { LogConsumer, LogEntry } from "../log/order-log.ts";
import { decodeRecord, type LogRules, readHeader, type RecordHeader, RecordKind } from "../log/record.ts";
import type { BookSnapshot, SnapshotHead } from "../log/snapshot/snapshot.ts";
import type { EngineLink } from "./engine-link.ts";
import { BATCH_RESULT_STRIDE, type DefinitionResult, type EngineTurn, forEachBatch } from "./engine-turn.ts";
import type { BatchOutcome } from "./ingest-batch.ts";
import type { InstrumentTable } from "./instrument-table.ts";
import { BatchVerdict, ProducerPositions } from "./producer-positions.ts";
import { sequencerHash } from "./sequencer-hash.ts";

/** Told what became of each log entry, once its depth is published. */
export interface OutcomeListener {
  batchDone(logIndex: number, outcome: BatchOutcome | DepthcastError): void;
  definitionDone(logIndex: number, outcome: Instrument | DepthcastError): void;
  /** A definition is in force. `definitionDone` waits for the promise: whoever has the answer may use it anywhere. */
  instrumentChanged(instrument: number): Promise<void> | undefined;
}

/** Counted for the metrics. */
export interface EngineMetrics {
  batchesApplied(batches: number, acceptedEvents: number, rejectedByReason: Float64Array): void;
  batchDuplicate(): void;
}

export interface SequencerOptions {
  readonly epoch: bigint;
  /** Symbols are divided over them by instrument number. Their turns are told to `turnDone`. */
  readonly engines: readonly EngineLink[];
  readonly instruments: InstrumentTable;
  readonly listener: OutcomeListener;
  readonly metrics: EngineMetrics;
}

/**
 * The one place where the log becomes state: takes entries in log order, judges producers' numbers, numbers
 * instruments, and hands batches to the engine that owns the symbol. It looks at nothing but the log, so that
 * every node and every replay comes to the same. One thread.
 */
export class Sequencer implements LogConsumer {
  readonly producers = new ProducerPositions(0);
  readonly #options: SequencerOptions;
  /** Instrument numbers, given in the order of the log. */
  readonly #numbers = new Map<string, number>();
  /** By instrument: events accepted so far. */
  readonly #sequences: number[] = [];
  #rules: LogRules | undefined;
  #nextIndex = 0;
  /** Given to engines and not answered yet. */
  #unanswered = 0;
  #onSettled: (() => void)[] = [];

  constructor(options: SequencerOptions) {
    this.#options = options;
  }

  /** Events accepted so far for an instrument, as far as its engine has told. */
  sequence(instrument: number): number {
    return this.#sequences[instrument] ?? 0;
  }

  /** The log entry that is to be taken next: engines have been told of all before it. */
  get nextIndex(): number {
    return this.#nextIndex;
  }

  /** In force at that place. Undefined = nothing was taken yet. */
  get rules(): LogRules | undefined {
    return this.#rules;
  }

  /** One turn of all engines. */
  consume(entries: readonly LogEntry[]): Promise<void> | undefined {
    for (const entry of entries) this.#take(entry);
    return this.#endTurn();
  }

  /** The beginning of a snapshot: everything but the books, as of `nextIndex`. */
  head(): SnapshotHead {
    invariant(this.#rules !== undefined, "a snapshot is taken of a log that has begun");
    return {
      logIndex: this.#nextIndex,
      rules: this.#rules,
      instruments: this.#numbers.size,
      producers: this.producers.positions(),
    };
  }

  /** A copy of a book as it is after all log entries before `nextIndex`, or later ones. */
  exportBook(instrument: number): Promise<BookSnapshot> {
    return this.#engineOf(instrument).exportBook(instrument);
  }

  /**
   * Takes up a snapshot, before anything else; goes on with the log entry `head.logIndex`.
   *
   * @throws DepthcastError `internal` where a book is damaged; nothing may be done with the sequencer then.
   */
  async restore(head: SnapshotHead, books: AsyncIterable<BookSnapshot>): Promise<void> {
    invariant(this.#nextIndex === 0 && this.#numbers.size === 0, "a snapshot is the beginning");
    this.#nextIndex = head.logIndex;
    this.producers.restore(head.producers);
    this.#setRules(head.logIndex - 1, head.rules);
    await this.#endTurn();
    let restored = Promise.resolve();
    for await (const book of books) {
      // While one is put in place the next is read.
      await restored;
      restored = this.#restoreBook(book);
      restored.catch(() => {});
    }
    await restored;
    invariant(this.#numbers.size === head.instruments, "a snapshot has all its books");
  }

  #endTurn(): Promise<void> | undefined {
    let held: Promise<void>[] | undefined;
    for (const engine of this.#options.engines) {
      const pending = engine.endTurn();
      if (pending !== undefined) (held ??= []).push(pending);
    }
    return held === undefined ? undefined : Promise.all(held).then(() => undefined);
  }

  /** An engine tells what became of a turn. */
  turnDone(turn: EngineTurn): void {
    const { epoch, listener, metrics } = this.#options;
    for (const result of turn.definitions) this.#definitionDone(result);
    forEachBatch(turn, epoch, (logIndex, instrument, outcome) => {
      this.#sequences[instrument] = outcome.sequence;
      listener.batchDone(logIndex, outcome);
    });
    const batches = turn.batches.length / BATCH_RESULT_STRIDE;
    metrics.batchesApplied(batches, turn.acceptedEvents, turn.rejectedByReason);
    this.#answered(batches + turn.definitions.length + turn.rulesTaken);
  }

  /** Hash of everything that is not in the books; to be compared when `settled`. */
  stateHash(): string {
    return sequencerHash({
      rules: this.#rules,
      instruments: this.#options.instruments.list(),
      sequence: (instrument) => this.sequence(instrument),
      producers: this.producers.positions(),
    });
  }

  /** Resolves when the engines have answered everything that they were given. */
  settled(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  async #restoreBook(book: BookSnapshot): Promise<void> {
    const { index, instrument, state } = book;
    const { sequence } = state;
    await this.#engineOf(index).restoreBook(book);
    this.#numbers.set(instrument.symbol, index);
    this.#sequences[index] = sequence;
    const { instruments, listener } = this.#options;
    instruments.put({ index, instrument });
    await listener.instrumentChanged(index);
  }

  #take({ index, record }: LogEntry): void {
    invariant(index === this.#nextIndex, "log entries are taken in order and without a gap");
    this.#nextIndex = index + 1;
    const header = readHeader(record);
    if (header.kind === RecordKind.batch) {
      this.#takeBatch(index, record, header);
      return;
    }
    const decoded = decodeRecord(record);
    if (decoded.kind === RecordKind.define) this.#takeDefinition(index, decoded.instrument);
    if (decoded.kind === RecordKind.rules) this.#setRules(index, decoded.rules);
  }

  #setRules(logIndex: number, rules: LogRules): void {
    this.#rules = rules;
    this.producers.setCapacity(rules.producersMax);
    for (const engine of this.#options.engines) {
      this.#unanswered += 1;
      engine.setRules(logIndex, rules);
    }
  }

  #takeBatch(index: number, record: ArrayBuffer, header: RecordHeader): void {
    const { instrument, producerId, batchNumber } = header;
    const verdict = producerId === "" ? BatchVerdict.apply : this.producers.judge(producerId, batchNumber);
    const { epoch, listener, metrics } = this.#options;
    if (verdict === BatchVerdict.apply) {
      this.#unanswered += 1;
      this.#engineOf(instrument).apply(index, record);
    } else if (verdict === BatchVerdict.duplicate) {
      metrics.batchDuplicate();
      listener.batchDone(index, duplicateOutcome(epoch, this.sequence(instrument)));
    } else {
      listener.batchDone(index, outOfOrder(producerId, batchNumber));
    }
  }

  #takeDefinition(logIndex: number, definition: Instrument): void {
    const rules = this.#rules;
    invariant(rules !== undefined, "the log begins with its rules");
    let instrument = this.#numbers.get(definition.symbol);
    if (instrument === undefined) {
      if (this.#numbers.size >= rules.instrumentsMax) {
        this.#options.listener.definitionDone(logIndex, tooManyInstruments(rules.instrumentsMax));
        return;
      }
      instrument = this.#numbers.size + 1;
      this.#numbers.set(definition.symbol, instrument);
    }
    this.#unanswered += 1;
    this.#engineOf(instrument).define(logIndex, instrument, definition);
  }

  #definitionDone({ logIndex, instrument, inForce, refusal }: DefinitionResult): void {
    const { instruments, listener } = this.#options;
    if (refusal !== undefined) {
      listener.definitionDone(logIndex, new DepthcastError(refusal.code, refusal.message, refusal.details));
      return;
    }
    instruments.put({ index: instrument, instrument: inForce });
    const known = listener.instrumentChanged(instrument);
    if (known === undefined) listener.definitionDone(logIndex, inForce);
    else void known.then(() => listener.definitionDone(logIndex, inForce));
  }

  #answered(count: number): void {
    this.#unanswered -= count;
    if (this.#unanswered > 0) return;
    const waiting = this.#onSettled;
    this.#onSettled = [];
    for (const resolve of waiting) resolve();
  }

  #engineOf(instrument: number): EngineLink {
    const { engines } = this.#options;
    const engine = engines[instrument % engines.length];
    invariant(engine !== undefined, "there is an engine for every instrument");
    return engine;
  }
}

export function duplicateOutcome(epoch: bigint, sequence: number): BatchOutcome {
  return { acceptedEvents: 0, rejectedEvents: 0, duplicate: true, rejections: [], epoch, sequence };
}

function outOfOrder(producerId: string, batchNumber: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.unavailable,
    `batch ${batchNumber} of producer "${producerId}" was logged out of order: ask GetProducerPosition and go on from there`,
    { reason: "BATCH_OUT_OF_ORDER" },
  );
}

export function tooManyInstruments(limit: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.resourceExhausted,
    `too many instruments: at most ${limit} (instrumentsMax)`,
    { field: "instrument.symbol", reason: "INSTRUMENTS_MAX", metadata: { limit: String(limit) } },
  );
}
