import { describe, expect, it } from "vitest";
import { ReferenceBook, windowChecksum } from "../support/reference-book.ts";
import type { BookLevel, DeltaUpdate, SnapshotUpdate, SubscribedUpdate, Update } from "../support/update.ts";

/** The checking client has to be able to find fault, or the tests that use it show nothing. */

const envelope = { viewId: 7, symbol: "A" } as const;
const times = { sourceTimeUnixNanos: 0n, publishTimeUnixNanos: 1n } as const;
const bids: BookLevel[] = [
  [100, 7, 1],
  [99, 4, 2],
];
const asks: BookLevel[] = [[101, 3, 1]];

const subscribed: SubscribedUpdate = {
  kind: "subscribed",
  ...envelope,
  instrument: {
    symbol: "A",
    priceScale: 0,
    quantityScale: 0,
    crossPolicy: "flag",
    tickSize: 0,
    lotSize: 0,
    description: "",
  },
  depth: 2,
  intervalMs: 50,
  heartbeatIntervalMs: 1000,
  id: "",
  resumed: false,
};
const snapshot: SnapshotUpdate = {
  kind: "snapshot",
  ...envelope,
  ...times,
  epoch: 5n,
  sequence: 10,
  bids,
  asks,
  checksum: windowChecksum(bids, asks),
  state: "open",
};
const delta: DeltaUpdate = {
  kind: "delta",
  ...envelope,
  ...times,
  prevSequence: 10,
  sequence: 12,
  bids: [
    [100, 0, 0],
    [98, 1, 1],
  ],
  asks: [],
  checksum: windowChecksum(
    [
      [99, 4, 2],
      [98, 1, 1],
    ],
    asks,
  ),
  state: "open",
  mergedIntervals: 1,
};
const resync: Update = { kind: "notice", ...envelope, code: "resync", detail: "" };
const heartbeat = (sequence: number): Update => ({
  kind: "heartbeat",
  ...envelope,
  epoch: 5n,
  sequence,
  publishTimeUnixNanos: 1n,
});

function bookAfter(...updates: readonly Update[]): ReferenceBook {
  const book = new ReferenceBook();
  for (const update of updates) book.apply(update);
  return book;
}

describe("a faultless stream", () => {
  it("has the checksum of the contract's example", () => {
    expect(windowChecksum([[100, 7, 1]], [[101, 3, 1]])).toBe(0x7a4128ef);
  });

  it("is applied", () => {
    const book = bookAfter(subscribed, snapshot, heartbeat(11), delta, heartbeat(12));
    expect(book.bids()).toEqual([
      [99, 4, 2],
      [98, 1, 1],
    ]);
    expect(book.asks()).toEqual(asks);
    expect(book.counters).toMatchObject({ messages: 5, deltas: 1, snapshots: 1, heartbeats: 2, entries: 2 });
    expect(book.position).toEqual({ epoch: 5n, sequence: 12 });
  });

  it("may start anew after a Notice RESYNC", () => {
    const book = bookAfter(subscribed, snapshot, resync, { ...snapshot, sequence: 40 });
    expect(book.sequence).toBe(40);
    expect(book.counters.resyncs).toBe(1);
  });

  it("may go on where another one ended", () => {
    const book = ReferenceBook.resuming(bookAfter(subscribed, snapshot));
    book.apply({ ...subscribed, resumed: true });
    book.apply(delta);
    expect(book.sequence).toBe(12);
  });
});

describe("a breach", () => {
  const breaches: Record<string, readonly Update[]> = {
    "a Snapshot before Subscribed": [snapshot],
    "a Delta before the Snapshot": [subscribed, delta],
    "a Heartbeat before the Snapshot": [subscribed, heartbeat(10)],
    "a second Snapshot without a Notice": [subscribed, snapshot, { ...snapshot, sequence: 20 }],
    "Subscribed twice": [subscribed, snapshot, subscribed],
    "resumed though nobody asked": [{ ...subscribed, resumed: true }],
    "another view": [subscribed, { ...snapshot, viewId: 8 }],
    "another symbol": [subscribed, { ...snapshot, symbol: "B" }],
    "a gap in the chain": [subscribed, snapshot, { ...delta, prevSequence: 11 }],
    "a sequence that stands still": [subscribed, snapshot, { ...delta, sequence: 10 }],
    "a sequence not above a Heartbeat's": [subscribed, snapshot, heartbeat(12), delta],
    "a Heartbeat that goes back": [subscribed, snapshot, heartbeat(9)],
    "a Heartbeat of another epoch": [subscribed, snapshot, { ...heartbeat(10), epoch: 6n } as Update],
    "a Snapshot that goes back": [subscribed, snapshot, delta, resync, { ...snapshot, sequence: 11 }],
    "a Delta without entries": [
      subscribed,
      snapshot,
      { ...delta, bids: [], checksum: windowChecksum(bids, asks) },
    ],
    "a price twice": [
      subscribed,
      snapshot,
      {
        ...delta,
        bids: [
          [100, 0, 0],
          [98, 2, 1],
          [98, 1, 1],
        ],
      },
    ],
    "an entry that changes nothing": [subscribed, snapshot, { ...delta, bids: [...delta.bids, [99, 4, 2]] }],
    "a removal of what is not there": [subscribed, snapshot, { ...delta, bids: [...delta.bids, [50, 0, 0]] }],
    "a level without orders": [subscribed, { ...snapshot, asks: [[101, 3, 0]] }],
    "a removal with orders": [
      subscribed,
      snapshot,
      {
        ...delta,
        bids: [
          [100, 0, 1],
          [98, 1, 1],
        ],
      },
    ],
    "a removed level in a Snapshot": [subscribed, { ...snapshot, asks: [[101, 0, 0]] }],
    "a Snapshot out of order": [subscribed, { ...snapshot, bids: bids.toReversed() }],
    "more levels than the depth": [
      subscribed,
      snapshot,
      { ...delta, bids: [[98, 1, 1]], checksum: windowChecksum([...bids, [98, 1, 1]], asks) },
    ],
    "a wrong checksum": [subscribed, snapshot, { ...delta, checksum: delta.checksum ^ 1 }],
    "a wrong quantity": [
      subscribed,
      snapshot,
      {
        ...delta,
        bids: [
          [100, 0, 0],
          [98, 2, 1],
        ],
      },
    ],
    "a wrong state": [subscribed, { ...snapshot, state: "locked" }],
    "a locked book under REJECT": [
      { ...subscribed, instrument: { ...subscribed.instrument, crossPolicy: "reject" } },
      {
        ...snapshot,
        bids: [[101, 1, 1]],
        checksum: windowChecksum([[101, 1, 1]], asks),
        state: "locked",
      },
    ],
    "merged_intervals 0": [subscribed, snapshot, { ...delta, mergedIntervals: 0 }],
  };

  it.each(Object.entries(breaches))("%s is found", (_name, updates) => {
    const last = updates.at(-1) as Update;
    const book = bookAfter(...updates.slice(0, -1));
    expect(() => book.apply(last)).toThrow(/contract broken/);
  });
});
