import { CrossPolicy } from "../../src/book/instrument.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { type OrderEventColumns, Side } from "../../src/book/order-events.ts";
import { BatchTally } from "../../src/book/rejection.ts";
import { LIMITS } from "../../src/limits.ts";
import { expectOutcome } from "../support/benchmark.ts";
import { cpuNanos } from "../support/measure.ts";
import type { BookContender, BookTop } from "./contender.ts";

const HASH_SEED = 0x5eed_b00c;

export class DepthcastBook implements BookContender {
  readonly name = "depthcast";
  readonly book = new OrderBook(
    {
      crossPolicy: CrossPolicy.reject,
      tickSize: 1,
      lotSize: 1,
      liveOrdersMax: LIMITS.liveOrdersMax.default,
      levelsPerSideMax: LIMITS.levelsPerSideMax.default,
    },
    HASH_SEED,
  );
  readonly #tally = new BatchTally();

  load(batches: readonly OrderEventColumns[]): void {
    this.apply(batches);
  }

  apply(batches: readonly OrderEventColumns[]): number {
    const nanos = cpuNanos(() => {
      for (const batch of batches) this.book.apply(batch, this.#tally);
    });
    expectOutcome(this.#tally.rejectedEvents === 0, "a flow's events are all accepted");
    return nanos;
  }

  top(levels: number): BookTop {
    return { bids: this.#side(Side.bid, levels), asks: this.#side(Side.ask, levels) };
  }

  #side(side: Side, levels: number): [number, number][] {
    const price = new Float64Array(levels);
    const quantity = new Float64Array(levels);
    const count = this.book.copyTop(side, levels, price, quantity, new Uint32Array(levels));
    return Array.from({ length: count }, (_, at) => [price[at]!, quantity[at]!]);
  }
}
