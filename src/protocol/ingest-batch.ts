import type { OrderEventColumns } from "../book/order-events.ts";

/** One batch as a gateway decoded it, before it has a place in the log. */
export interface IngestBatch {
  readonly symbol: string;
  /** Good until the next batch is decoded on this thread, into the same columns. */
  readonly events: OrderEventColumns;
  /** Empty = not checked. */
  readonly producerId: string;
  /** 0 without a producer. Infinity where the number on the wire is over 2^53 − 1. */
  readonly batchNumber: number;
  /** Nanoseconds since 1970, low and high word; 0 = unknown. */
  readonly sourceTimeLow: number;
  readonly sourceTimeHigh: number;
}
