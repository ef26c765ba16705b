import { describe, expect, onTestFinished, test } from "vitest";
import { BookState } from "../../src/book/depth.ts";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { LiveBook } from "../../src/client/live-book.ts";
import type { DeltaUpdate, SnapshotUpdate, SubscribedUpdate } from "../../src/client/market-update.ts";
import { WatchedView } from "../../src/client/watched-view.ts";
import { levelChecksum } from "../../src/book/checksum.ts";
import { Side } from "../../src/book/order-events.ts";
import { ManualClock } from "../support/manual-clock.ts";

const VIEW = { viewId: 7, symbol: "X" };
const TIMES = { sourceTimeUnixNanos: 0n, publishTimeUnixNanos: 1n };

const subscribed: SubscribedUpdate = {
  type: "subscribed",
  ...VIEW,
  id: "s1",
  instrument: {
    symbol: "X",
    priceScale: 2,
    quantityScale: 0,
    crossPolicy: CrossPolicy.flag,
    tickSize: 0,
    lotSize: 0,
    description: "",
  },
  depth: 5,
  intervalMs: 50,
  heartbeatIntervalMs: 1000,
  resumed: false,
};

const bid = (price: number) => ({ price, quantity: 1, orderCount: 1 });

const snapshot: SnapshotUpdate = {
  type: "snapshot",
  ...VIEW,
  epoch: 1n,
  sequence: 1,
  bids: [bid(100)],
  asks: [],
  checksum: levelChecksum(Side.bid, 100, 1),
  state: BookState.open,
  ...TIMES,
};

/** A bid more. Of a price that its checksum does not cover: damaged on its way. */
function delta(sequence: number, price: number, covered: readonly number[]): DeltaUpdate {
  const sum = covered.reduce((total, each) => total + levelChecksum(Side.bid, each, 1), 0);
  return {
    type: "delta",
    ...VIEW,
    prevSequence: sequence - 1,
    sequence,
    bids: [bid(price)],
    asks: [],
    checksum: sum % 2 ** 32,
    state: BookState.open,
    mergedIntervals: 1,
    ...TIMES,
  };
}

describe("a live book that is read by for await", () => {
  // However far the reader is on its way from a good update when a damaged one comes.
  test.each(Array.from({ length: 12 }, (_, turns) => turns))(
    "is never shown as live with levels that are wrong (%i turns between)",
    async (turns) => {
      const broken: string[] = [];
      const view = new WatchedView({ symbol: "X", depth: 5, intervalMs: 50 }, new ManualClock(), {
        broken: (_view, breach) => void broken.push(breach),
        silent: () => {},
      });
      onTestFinished(() => view.close());
      view.take(subscribed);
      view.take(snapshot);
      const book = new LiveBook(view, () => {});
      const live: number[][] = [];
      const reading = (async () => {
        for await (const { status } of book) {
          if (status === "live") live.push(book.bids.map(({ price }) => price.mantissa));
        }
      })();
      await new Promise(setImmediate);
      view.take(delta(2, 99, [100, 99]));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      view.take(delta(3, 97, [100, 99, 98]));
      await new Promise(setImmediate);
      book.close();
      view.close();
      await reading;
      expect(broken).toEqual(["checksum"]);
      const right = [[100], [100, 99]];
      expect(right).toEqual(expect.arrayContaining(live));
      expect(live[0]).toEqual([100]);
    },
  );
});
