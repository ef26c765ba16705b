import type { BookExport } from "../../book/book-export.ts";
import type { Instrument } from "../../book/instrument.ts";
import type { LogRules } from "../record.ts";

/**
 * A snapshot of the books is fuzzy by book and exact after replay. Its head is the state at one place in the log; its books
 * are copied after that, one by one, while ingest goes on, and each says how far it has come. A replay from the head's place
 * leaves out what a book already has.
 */
export interface SnapshotHead {
  /** The first log entry that the head does not hold; a replay begins there. */
  readonly logIndex: number;
  readonly rules: LogRules;
  /** Books in the snapshot: the instruments 1 up to this. */
  readonly instruments: number;
  /** The last batch number of each producer, in no particular order. */
  readonly producers: readonly ProducerPosition[];
}

export type ProducerPosition = readonly [producerId: string, lastBatchNumber: number];

/** One book with what the engine knows of it. */
export interface BookSnapshot {
  /** The instrument's number. */
  readonly index: number;
  /** The definition in force. */
  readonly instrument: Instrument;
  /** Capacities in force. */
  readonly liveOrdersMax: number;
  readonly levelsPerSideMax: number;
  readonly sourceTimeLow: number;
  readonly sourceTimeHigh: number;
  /** The last log entry that is in it, if it was of this book: everything up to it is. */
  readonly appliedThrough: number;
  /** In buffers of its own. */
  readonly state: BookExport;
}
