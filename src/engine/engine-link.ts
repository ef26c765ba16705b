import type { Instrument } from "../book/instrument.ts";
import type { LogRules } from "../log/record.ts";

/**
 * An engine as the sequencer sees it: on this thread, or on another. What it is told it does in order, and
 * answers with an `EngineTurn` for each `endTurn` in which there was something.
 */
export interface EngineLink {
  /** Creates the book of an instrument, or changes its definition. */
  define(logIndex: number, instrument: number, definition: Instrument, rules: LogRules): void;
  /** Applies a batch record, which belongs to the engine from then on. */
  apply(logIndex: number, record: ArrayBuffer): void;
  /** Publish and answer. A promise = more than it can hold is under way: wait for it before the next turn. */
  endTurn(): Promise<void> | undefined;
}
