import type { OrderEventColumns } from "../../src/book/order-events.ts";

/** A book that takes the same events as the others and has to end in the same state. */
export interface BookContender {
  readonly name: string;
  /** Makes the book that stands before the first event. Not measured. */
  load(batches: readonly OrderEventColumns[]): void | Promise<void>;
  /** Applies events; returns the CPU nanoseconds that it took. */
  apply(batches: readonly OrderEventColumns[]): number | Promise<number>;
  /** Price and total quantity of the best levels, best first; undefined where it has no such thing. */
  top(levels: number): BookTop | undefined | Promise<BookTop>;
}

export interface BookTop {
  readonly bids: readonly (readonly [number, number])[];
  readonly asks: readonly (readonly [number, number])[];
}

/** The id of an order, which the flows keep below 2^53. */
export function orderIdAt({ orderIdLow, orderIdHigh }: OrderEventColumns, index: number): number {
  return orderIdHigh[index]! * 0x1_0000_0000 + (orderIdLow[index]! >>> 0);
}
