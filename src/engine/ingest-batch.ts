import type { OrderEventColumns } from "../book/order-events.ts";
import type { RejectRule } from "../book/rejection.ts";

/** One batch as a gateway decoded it, before it has a place in the log. */
export interface IngestBatch {
  readonly symbol: string;
  readonly events: OrderEventColumns;
  /** Empty = not checked. */
  readonly producerId: string;
  /** 0 without a producer. Infinity where the number on the wire is over 2^53 − 1. */
  readonly batchNumber: number;
  /** Nanoseconds since 1970, low and high word; 0 = unknown. */
  readonly sourceTimeLow: number;
  readonly sourceTimeHigh: number;
}

/** A refusal as the answers list it. */
export interface ListedRejection {
  readonly eventIndex: number;
  readonly rule: RejectRule;
}

/** What became of a batch that is durable and applied. */
export interface BatchOutcome {
  readonly acceptedEvents: number;
  readonly rejectedEvents: number;
  /** The number had been applied before; nothing was done, and both counts are 0. */
  readonly duplicate: boolean;
  /** The first refusals of the batch. */
  readonly rejections: readonly ListedRejection[];
  /** The symbol's position after the batch (of a duplicate: the newest one). */
  readonly epoch: bigint;
  readonly sequence: number;
}
