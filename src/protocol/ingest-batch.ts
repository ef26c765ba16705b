import type { OrderEventColumns } from "../book/order-events.ts";

/** One batch as a gateway decoded it, before it has a place in the log. Good until the next one is decoded on this thread. */
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
