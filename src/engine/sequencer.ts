import type { Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { LogConsumer, LogEntry } from "../log/order-log.ts";
import { decodeRecord, type LogRules, readBatchHeader, RecordKind, recordKind } from "../log/record.ts";
import type { EngineLink } from "./engine-link.ts";
import { BATCH_RESULT_STRIDE, type DefinitionResult, type EngineTurn, forEachBatch } from "./engine-turn.ts";
import type { BatchOutcome } from "./ingest-batch.ts";
import type { InstrumentTable } from "./instrument-table.ts";
import { BatchVerdict, ProducerPositions } from "./producer-positions.ts";

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
  /** Definitions that their engine has not answered yet, by log index. */
  readonly #definitions = new Map<number, Instrument>();
  /** By instrument: events accepted so far. */
  readonly #sequences: number[] = [];
  #rules: LogRules | undefined;
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

  /** One turn of all engines. */
  consume(entries: readonly LogEntry[]): Promise<void> | undefined {
    for (const entry of entries) this.#take(entry);
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
    this.#answered(batches + turn.definitions.length);
  }

  /** Resolves when the engines have answered everything that they were given. */
  settled(): Promise<void> {
    if (this.#unanswered === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onSettled.push(resolve));
  }

  #take({ index, record }: LogEntry): void {
    if (recordKind(record) === RecordKind.batch) {
      this.#takeBatch(index, record);
      return;
    }
    const decoded = decodeRecord(record);
    if (decoded.kind === RecordKind.define) this.#takeDefinition(index, decoded.instrument);
    if (decoded.kind === RecordKind.rules) {
      this.#rules = decoded.rules;
      this.producers.setCapacity(decoded.rules.producersMax);
    }
  }

  #takeBatch(index: number, record: ArrayBuffer): void {
    const { instrument, producerId, batchNumber } = readBatchHeader(record);
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
    this.#definitions.set(logIndex, definition);
    this.#unanswered += 1;
    this.#engineOf(instrument).define(logIndex, instrument, definition, rules);
  }

  #definitionDone({ logIndex, instrument, refusal }: DefinitionResult): void {
    const { instruments, listener } = this.#options;
    const definition = this.#definitions.get(logIndex);
    invariant(definition !== undefined, "an engine answers the definitions that it was given");
    this.#definitions.delete(logIndex);
    if (refusal !== undefined) {
      listener.definitionDone(logIndex, new DepthcastError(refusal.code, refusal.message, refusal.details));
      return;
    }
    instruments.put({ index: instrument, instrument: definition });
    const known = listener.instrumentChanged(instrument);
    if (known === undefined) listener.definitionDone(logIndex, definition);
    else void known.then(() => listener.definitionDone(logIndex, definition));
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
