import type { Instrument } from "../book/instrument.ts";
import type { LogRules } from "../log/record.ts";
import type { BookSnapshot } from "../log/snapshot/snapshot.ts";

/**
 * An engine as the sequencer sees it: on this thread, or on another. What it is told it does in order, and
 * answers with an `EngineTurn` for each `endTurn` in which there was something.
 */
export interface EngineLink {
  /** Rules that hold for all books from then on. */
  setRules(logIndex: number, rules: LogRules): void;
  /** Creates the book of an instrument, or changes its definition. */
  define(logIndex: number, instrument: number, definition: Instrument): void;
  /** Applies a batch record, which belongs to the engine from then on. */
  apply(logIndex: number, record: ArrayBuffer): void;
  /** Publish and answer. A promise = more than it can hold is under way: wait for it before the next turn. */
  endTurn(): Promise<void> | undefined;
  /** A copy of a book as it is after everything that was told before. */
  exportBook(instrument: number): Promise<BookSnapshot>;
  /**
   * Puts a book in place, before anything of its instrument is told; log entries that it has already are left out
   * from then on. Its buffers belong to the engine.
   *
   * @throws DepthcastError `internal` where the book is damaged.
   */
  restoreBook(book: BookSnapshot): Promise<void>;
}
