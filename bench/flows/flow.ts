import type { OrderEventColumns } from "../../src/book/order-events.ts";
import type { Batch } from "./batches.ts";

/** A stream of events that all are accepted, and the book that stands before the first of them. */
export interface Flow {
  /** The letter of the flow. */
  readonly name: string;
  readonly about: string;
  readonly seed: number;
  /** The orders that make the book, once, before `fill`. */
  prefill(): readonly OrderEventColumns[];
  /** Fills the batches with the next events. */
  fill(batches: readonly Batch[]): void;
}
