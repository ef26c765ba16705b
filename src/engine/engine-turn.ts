import type { Instrument } from "../book/instrument.ts";
import type { BatchTally, RejectRule } from "../book/rejection.ts";
import type { ErrorCode, ErrorDetails } from "../errors.ts";
import type { BatchOutcome, ListedRejection } from "./ingest-batch.ts";

/** Numbers of one batch in `EngineTurn.batches`. */
export const BATCH_RESULT_STRIDE = 5;

/** The first refusals of one batch. */
interface BatchRefusals {
  /** Which batch of the turn. */
  readonly position: number;
  readonly eventIndexes: Uint32Array;
  readonly rules: Uint8Array;
}

/** What became of a definition. */
export interface DefinitionResult {
  readonly logIndex: number;
  readonly instrument: number;
  /** The definition that holds afterwards: this one, or where it was refused the one before. */
  readonly inForce: Instrument;
  readonly refusal: PlainError | undefined;
}

/** An error as data. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}

/**
 * What an engine has done in one turn, told once its depth is published. Plain data in columns: it goes from
 * thread to thread as it is.
 */
export interface EngineTurn {
  /** For each batch: log index, instrument, accepted events, rejected events, sequence after it. */
  readonly batches: Float64Array;
  readonly refusals: readonly BatchRefusals[];
  readonly definitions: readonly DefinitionResult[];
  /** Rules records taken. */
  readonly rulesTaken: number;
  readonly acceptedEvents: number;
  /** By RejectReason. */
  readonly rejectedByReason: Float64Array;
}

/** Gathers a turn. */
export class EngineTurnWriter {
  #batches = new Float64Array(16 * BATCH_RESULT_STRIDE);
  #length = 0;
  #refusals: BatchRefusals[] = [];
  #definitions: DefinitionResult[] = [];
  #rulesTaken = 0;
  #acceptedEvents = 0;
  #rejectedByReason = new Float64Array(6);

  get isEmpty(): boolean {
    return this.#length === 0 && this.#definitions.length === 0 && this.#rulesTaken === 0;
  }

  addBatch(logIndex: number, instrument: number, tally: BatchTally, sequence: number): void {
    if (tally.rejectedEvents > 0) this.#addRefusals(tally);
    this.#addNumbers(logIndex, instrument, tally.acceptedEvents, tally.rejectedEvents, sequence);
  }

  addDefinition(result: DefinitionResult): void {
    this.#definitions.push(result);
  }

  /** A batch that its book has already, from a snapshot. */
  addSkippedBatch(logIndex: number, instrument: number, sequence: number): void {
    this.#addNumbers(logIndex, instrument, 0, 0, sequence);
  }

  addRules(): void {
    this.#rulesTaken += 1;
  }

  /** The turn; the writer is empty after it. */
  take(): EngineTurn {
    const turn = {
      batches: this.#batches.slice(0, this.#length * BATCH_RESULT_STRIDE),
      refusals: this.#refusals,
      definitions: this.#definitions,
      rulesTaken: this.#rulesTaken,
      acceptedEvents: this.#acceptedEvents,
      rejectedByReason: this.#rejectedByReason,
    };
    this.#length = 0;
    this.#refusals = [];
    this.#definitions = [];
    this.#rulesTaken = 0;
    this.#acceptedEvents = 0;
    this.#rejectedByReason = new Float64Array(6);
    return turn;
  }

  #addNumbers(
    logIndex: number,
    instrument: number,
    acceptedEvents: number,
    rejectedEvents: number,
    sequence: number,
  ): void {
    const at = this.#length * BATCH_RESULT_STRIDE;
    if (at === this.#batches.length) this.#grow();
    const batches = this.#batches;
    batches[at] = logIndex;
    batches[at + 1] = instrument;
    batches[at + 2] = acceptedEvents;
    batches[at + 3] = rejectedEvents;
    batches[at + 4] = sequence;
    this.#acceptedEvents += acceptedEvents;
    this.#length += 1;
  }

  #addRefusals(tally: BatchTally): void {
    this.#refusals.push({
      position: this.#length,
      eventIndexes: tally.listedIndex.slice(0, tally.listed),
      rules: tally.listedRule.slice(0, tally.listed),
    });
    for (const [reason, count] of tally.rejectedByReason.entries()) {
      this.#rejectedByReason[reason] = (this.#rejectedByReason[reason] ?? 0) + count;
    }
  }

  #grow(): void {
    const larger = new Float64Array(this.#batches.length * 2);
    larger.set(this.#batches);
    this.#batches = larger;
  }
}

/** Calls back for each batch of a turn, in order. */
export function forEachBatch(
  turn: EngineTurn,
  epoch: bigint,
  visit: (logIndex: number, instrument: number, outcome: BatchOutcome) => void,
): void {
  const { batches, refusals } = turn;
  let nextRefusals = 0;
  for (let at = 0, position = 0; at < batches.length; at += BATCH_RESULT_STRIDE, position += 1) {
    let rejections: readonly ListedRejection[] = NONE;
    const refused = refusals[nextRefusals];
    if (refused?.position === position) {
      nextRefusals += 1;
      rejections = Array.from(refused.eventIndexes, (eventIndex, i) => ({
        eventIndex,
        rule: refused.rules[i] as RejectRule,
      }));
    }
    visit(batches[at] ?? 0, batches[at + 1] ?? 0, {
      acceptedEvents: batches[at + 2] ?? 0,
      rejectedEvents: batches[at + 3] ?? 0,
      duplicate: false,
      rejections,
      epoch,
      sequence: batches[at + 4] ?? 0,
    });
  }
}

const NONE: readonly ListedRejection[] = [];
