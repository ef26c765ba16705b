import type { Ladder } from "./ladder.ts";
import type { OrderIndex } from "./order-index.ts";
import type { OrderPool } from "./order-pool.ts";

/** The stores of a book. */
export interface BookParts {
  readonly orders: OrderPool;
  readonly index: OrderIndex;
  readonly bids: Ladder;
  readonly asks: Ladder;
}
