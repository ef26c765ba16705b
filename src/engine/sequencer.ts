import { BatchTally } from "../book/rejection.ts";
import type { RejectRule } from "../book/rejection.ts";
import type { Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { LogConsumer, LogEntry } from "../log/order-log.ts";
import { decodeRecord, RecordKind, type BatchRecord, type LogRules } from "../log/record.ts";
import type { Engine } from "./engine.ts";
import type { BatchOutcome, ListedRejection } from "./ingest-batch.ts";
import type { InstrumentTable } from "./instrument-table.ts";
import { BatchVerdict, ProducerPositions } from "./producer-positions.ts";

/** Told what became of each log entry, once the turn's depth is published. */
export interface OutcomeListener {
  batchDone(index: number, outcome: BatchOutcome | DepthcastError): void;
  definitionDone(index: number, outcome: Instrument | DepthcastError): void;
  instrumentChanged(index: number): void;
}

/** Counted for the metrics; called for each batch of the log. */
export interface EngineMetrics {
  batchApplied(acceptedEvents: number, rejectedByReason: Float64Array): void;
  batchDuplicate(): void;
}

export interface SequencerOptions {
  readonly epoch: bigint;
  /** Symbols are divided over them by instrument number. */
  readonly engines: readonly Engine[];
  readonly instruments: InstrumentTable;
  readonly listener: OutcomeListener;
  readonly metrics: EngineMetrics;
}

/**
 * The one place where the log becomes state: takes entries in log order, judges producers' numbers and
 * definitions, and hands batches to the engine that owns the symbol. It looks at nothing but the log, so
 * that every node and every replay comes to the same. One thread.
 */
export class Sequencer implements LogConsumer {
  readonly producers = new ProducerPositions(0);
  readonly #epoch: bigint;
  readonly #engines: readonly Engine[];
  readonly #instruments: InstrumentTable;
  readonly #listener: OutcomeListener;
  readonly #metrics: EngineMetrics;
  readonly #tally = new BatchTally();
  #rules: LogRules | undefined;

  constructor(options: SequencerOptions) {
    this.#epoch = options.epoch;
    this.#engines = options.engines;
    this.#instruments = options.instruments;
    this.#listener = options.listener;
    this.#metrics = options.metrics;
  }

  /** One turn: everything is applied, then published, then answered. */
  consume(entries: readonly LogEntry[]): void {
    const answers: (() => void)[] = [];
    for (const entry of entries) {
      const answer = this.#take(entry);
      if (answer !== undefined) answers.push(answer);
    }
    for (const engine of this.#engines) engine.endTurn();
    for (const answer of answers) answer();
  }

  #take({ index, record }: LogEntry): (() => void) | undefined {
    const decoded = decodeRecord(record);
    switch (decoded.kind) {
      case RecordKind.batch: {
        const outcome = this.#takeBatch(decoded);
        return () => this.#listener.batchDone(index, outcome);
      }
      case RecordKind.define:
        return this.#takeDefinition(index, decoded.instrument);
      case RecordKind.rules:
        this.#rules = decoded.rules;
        this.producers.setCapacity(decoded.rules.producersMax);
        return undefined;
    }
  }

  #takeBatch(batch: BatchRecord): BatchOutcome | DepthcastError {
    const verdict =
      batch.producerId === ""
        ? BatchVerdict.apply
        : this.producers.judge(batch.producerId, batch.batchNumber);
    const engine = this.#engineOf(batch.instrument);
    if (verdict === BatchVerdict.apply) {
      engine.apply(batch, this.#tally);
      this.#metrics.batchApplied(this.#tally.acceptedEvents, this.#tally.rejectedByReason);
      return this.#outcome(engine.sequence(batch.instrument), false);
    }
    if (verdict === BatchVerdict.duplicate) {
      this.#metrics.batchDuplicate();
      this.#tally.reset();
      return this.#outcome(engine.sequence(batch.instrument), true);
    }
    return new DepthcastError(
      ErrorCode.unavailable,
      `batch ${batch.batchNumber} of producer "${batch.producerId}" was logged out of order: ask GetProducerPosition and go on from there`,
      { reason: "BATCH_OUT_OF_ORDER" },
    );
  }

  #takeDefinition(index: number, instrument: Instrument): () => void {
    const outcome = this.#define(instrument);
    return () => {
      if (!(outcome instanceof DepthcastError)) {
        const listed = this.#instruments.find(instrument.symbol);
        invariant(listed !== undefined, "a definition in force is listed");
        this.#listener.instrumentChanged(listed.index);
      }
      this.#listener.definitionDone(index, outcome);
    };
  }

  #define(instrument: Instrument): Instrument | DepthcastError {
    const rules = this.#rules;
    invariant(rules !== undefined, "the log begins with its rules");
    const known = this.#instruments.find(instrument.symbol);
    if (known !== undefined) {
      const refusal = this.#engineOf(known.index).redefine(known.index, instrument, rules);
      return refusal ?? this.#instruments.replace(known.index, instrument).instrument;
    }
    if (this.#instruments.size >= rules.instrumentsMax) return tooManyInstruments(rules.instrumentsMax);
    const listed = this.#instruments.add(instrument);
    this.#engineOf(listed.index).define(listed.index, instrument, rules);
    return instrument;
  }

  #engineOf(instrument: number): Engine {
    const engine = this.#engines[instrument % this.#engines.length];
    invariant(engine !== undefined, "there is an engine for every instrument");
    return engine;
  }

  #outcome(sequence: number, duplicate: boolean): BatchOutcome {
    const tally = this.#tally;
    const rejections: ListedRejection[] = [];
    for (let i = 0; i < tally.listed; i++) {
      rejections.push({ eventIndex: tally.listedIndex[i] ?? 0, rule: tally.listedRule[i] as RejectRule });
    }
    return {
      acceptedEvents: tally.acceptedEvents,
      rejectedEvents: tally.rejectedEvents,
      duplicate,
      rejections,
      epoch: this.#epoch,
      sequence,
    };
  }
}

export function tooManyInstruments(limit: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.resourceExhausted,
    `too many instruments: at most ${limit} (instrumentsMax)`,
    {
      field: "instrument.symbol",
      reason: "INSTRUMENTS_MAX",
      metadata: { limit: String(limit) },
    },
  );
}
