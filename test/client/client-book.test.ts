import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BookState } from "../../src/book/depth.ts";
import { ClientBook } from "../../src/client/client-book.ts";
import type { DeltaUpdate, PriceLevel, SnapshotUpdate } from "../../src/client/market-update.ts";
import { bookOfSnapshot } from "../../src/client/snapshot-book.ts";
import { NoticeCode } from "../../src/protocol/update-encoder.ts";
import { checksumOf, levels, subscribed, TIMES, VIEW } from "../support/client-updates.ts";

function snapshot(overrides: Partial<SnapshotUpdate> = {}): SnapshotUpdate {
  const bids = overrides.bids ?? levels([100, 7], [99, 2]);
  const asks = overrides.asks ?? levels([101, 3]);
  return {
    type: "snapshot",
    ...VIEW,
    epoch: 1n,
    sequence: 10,
    bids,
    asks,
    checksum: checksumOf(bids, asks),
    state: BookState.open,
    ...TIMES,
    ...overrides,
  };
}

/** A delta that adds a bid of 98 × 5 to `snapshot()`. */
function delta(overrides: Partial<DeltaUpdate> = {}): DeltaUpdate {
  return {
    type: "delta",
    ...VIEW,
    prevSequence: 10,
    sequence: 12,
    bids: levels([98, 5]),
    asks: [],
    checksum: checksumOf(levels([100, 7], [99, 2], [98, 5]), levels([101, 3])),
    state: BookState.open,
    mergedIntervals: 1,
    ...TIMES,
    ...overrides,
  };
}

function liveBook(): ClientBook {
  const book = new ClientBook(subscribed);
  expect(book.apply(snapshot())).toEqual({ outcome: "applied" });
  return book;
}

describe("what a book holds", () => {
  test("the checksum is the one of the protocol's example", () => {
    const book = new ClientBook(subscribed);
    const example = snapshot({
      bids: levels([100, 7]),
      asks: levels([101, 3]),
      checksum: 0x7a4128ef,
    });
    expect(book.apply(example)).toEqual({ outcome: "applied" });
    expect(book.checksum).toBe(0x7a4128ef);
  });

  test("a snapshot, then deltas; best first, with spread and position", () => {
    const book = liveBook();
    expect(book.phase).toBe("live");
    expect(book.apply(delta())).toEqual({ outcome: "applied" });
    expect(book.bids.map(({ price }) => price)).toEqual([100, 99, 98]);
    expect(book.bestAsk).toEqual({ price: 101, quantity: 3, orderCount: 1 });
    expect(book.spread).toBe(1);
    expect(book.position).toEqual({ epoch: 1n, sequence: 12 });
  });

  test("a removal of a price that is not there is harmless", () => {
    const book = liveBook();
    const update = delta({ bids: levels([55, 0]), checksum: snapshot().checksum });
    expect(book.apply(update)).toEqual({ outcome: "applied" });
    expect(book.bids).toHaveLength(2);
  });

  test("a heartbeat raises what the book is exact up to, and takes no part in the chain", () => {
    const book = liveBook();
    const heartbeat = { type: "heartbeat", ...VIEW, epoch: 1n, publishTimeUnixNanos: 2n } as const;
    expect(book.apply({ ...heartbeat, sequence: 11 })).toEqual({ outcome: "applied" });
    expect(book.exactSequence).toBe(11);
    expect(book.position?.sequence).toBe(10);
    expect(book.apply(delta())).toEqual({ outcome: "applied" });
  });

  test("a resumed subscription goes on where the book is", () => {
    const book = liveBook();
    expect(book.apply({ ...subscribed, resumed: true })).toEqual({ outcome: "applied" });
    expect(book.apply(delta())).toEqual({ outcome: "applied" });
  });

  test("any change of levels: sides stay sorted, the checksum follows", () => {
    const window = fc.uniqueArray(
      fc.record({ price: fc.integer({ min: -50, max: 50 }), quantity: fc.integer({ min: 1, max: 9 }) }),
      {
        selector: ({ price }) => price,
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(fc.array(window, { minLength: 1, maxLength: 20 }), (windows) => {
        const book = new ClientBook(subscribed);
        let before: readonly PriceLevel[] = [];
        for (const [index, entries] of windows.entries()) {
          const bids = entries
            .map((entry) => ({ ...entry, orderCount: 1 }))
            .toSorted((a, b) => b.price - a.price);
          const gone = before.filter(({ price }) => !bids.some((level) => level.price === price));
          const content = { sequence: index + 1, checksum: checksumOf(bids, []), asks: [] };
          const changes = [...bids, ...gone.map(({ price }) => ({ price, quantity: 0, orderCount: 0 }))];
          const update =
            index === 0
              ? snapshot({ ...content, bids })
              : delta({ ...content, prevSequence: index, bids: changes });
          expect(book.apply(update)).toEqual({ outcome: "applied" });
          expect(book.bids).toEqual(bids);
          before = bids;
        }
      }),
    );
  });
});

describe("what breaks a book", () => {
  const cases: readonly (readonly [string, string, () => ReturnType<ClientBook["apply"]>])[] = [
    ["a delta before the snapshot", "gap", () => new ClientBook(subscribed).apply(delta())],
    [
      "a delta after a RESYNC, before its snapshot",
      "gap",
      () => {
        const book = liveBook();
        book.apply({ type: "notice", ...VIEW, code: NoticeCode.resync, detail: "" });
        return book.apply(delta());
      },
    ],
    ["a hole in the chain", "gap", () => liveBook().apply(delta({ prevSequence: 11 }))],
    [
      "a resumed position that the book does not have",
      "gap",
      () => new ClientBook(subscribed).apply({ ...subscribed, resumed: true }),
    ],
    ["a sequence that does not rise", "order", () => liveBook().apply(delta({ sequence: 10 }))],
    [
      "a heartbeat behind the book",
      "order",
      () =>
        liveBook().apply({ type: "heartbeat", ...VIEW, epoch: 1n, sequence: 9, publishTimeUnixNanos: 0n }),
    ],
    [
      "a heartbeat of another epoch",
      "order",
      () =>
        liveBook().apply({ type: "heartbeat", ...VIEW, epoch: 2n, sequence: 10, publishTimeUnixNanos: 0n }),
    ],
    [
      "a wrong checksum of a snapshot",
      "checksum",
      () => new ClientBook(subscribed).apply(snapshot({ checksum: 1 })),
    ],
    ["a wrong checksum of a delta", "checksum", () => liveBook().apply(delta({ checksum: 1 }))],
    [
      "a snapshot that is not best first",
      "window",
      () => new ClientBook(subscribed).apply(snapshot({ bids: levels([99, 2], [100, 7]) })),
    ],
    [
      "a snapshot with an empty level",
      "window",
      () => new ClientBook(subscribed).apply(snapshot({ bids: levels([99, 0]) })),
    ],
    [
      "more levels than subscribed",
      "window",
      () => new ClientBook({ ...subscribed, depth: 1 }).apply(snapshot()),
    ],
    [
      "a state that is not the levels'",
      "window",
      () => new ClientBook(subscribed).apply(snapshot({ state: BookState.locked })),
    ],
  ];

  test.each(cases)("%s is a breach (%s)", (_name, breach, act) => {
    expect(act()).toMatchObject({ outcome: "breach", breach });
  });

  test("a broken book skips deltas until a snapshot mends it", () => {
    const book = liveBook();
    book.apply(delta({ prevSequence: 11 }));
    expect(book.phase).toBe("broken");
    expect(book.apply(delta())).toEqual({ outcome: "skipped" });
    expect(book.apply(snapshot({ sequence: 20 }))).toEqual({ outcome: "applied" });
    expect(book.phase).toBe("live");
  });
});

describe("a book out of one snapshot", () => {
  test("holds its levels, checked", () => {
    const book = bookOfSnapshot(subscribed.instrument, snapshot(), 5);
    expect(book.bids).toEqual(levels([100, 7], [99, 2]));
    expect(book.phase).toBe("live");
  });

  test("is refused where the checksum is wrong", () => {
    const wrong = snapshot({ checksum: 1 });
    expect(() => bookOfSnapshot(subscribed.instrument, wrong, 5)).toThrow("wrong snapshot of X (checksum");
  });
});
