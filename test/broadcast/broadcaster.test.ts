import { beforeEach, describe, expect, it } from "vitest";
import type { ConsumerSession } from "../../src/broadcast/consumer.ts";
import { type AttentiveConsumer, BroadcastRig, subscription } from "../support/broadcast-rig.ts";
import { addOrder, testInstrument } from "../support/flow-rig.ts";
import { withSeed } from "../support/random.ts";

const bid = (price = 100, quantity = 5) => addOrder(1, price, quantity);
let rig: BroadcastRig;
let consumer: AttentiveConsumer;
let session: ConsumerSession;

beforeEach(async () => {
  rig = await BroadcastRig.start(["A", "B", "C"]);
  ({ consumer, session } = rig.connect());
});

async function subscribed(...requests: Parameters<typeof subscription>[]): Promise<void> {
  for (const request of requests) await session.subscribe(subscription(...request));
  await rig.clock.settle();
  consumer.take();
}

describe("the first messages", () => {
  it("are Subscribed and Snapshot, of all subscriptions made in one turn in one flush", async () => {
    await rig.apply("A", bid());
    await Promise.all([
      session.subscribe(subscription("A", 50, { id: "mine" })),
      session.subscribe(subscription("B")),
    ]);
    await rig.clock.settle();
    const [flush, ...more] = consumer.take();
    expect(more).toEqual([]);
    expect(flush).toMatchObject([
      {
        type: "subscribed",
        id: "mine",
        symbol: "A",
        depth: 20,
        intervalMs: 50,
        heartbeatIntervalMs: 1000,
        resumed: false,
      },
      { type: "snapshot", symbol: "A", sequence: "1", bids: [["1.00", "5", 1]], asks: [] },
      { type: "subscribed", symbol: "B" },
      { type: "snapshot", symbol: "B", sequence: "0", bids: [], asks: [] },
    ]);
  });

  it("come to nobody before the subscription is granted", async () => {
    let granted = false;
    consumer.onSend = () => expect(granted).toBe(true);
    await session.subscribe(subscription("A"));
    granted = true;
    await rig.clock.settle();
    expect(consumer.flushes.length).toBe(1);
  });

  it("have the same view id for everybody, and another for another depth or interval", async () => {
    const other = rig.connect().session;
    const id = await session.subscribe(subscription("A"));
    expect(await other.subscribe(subscription("A"))).toBe(id);
    const others = await Promise.all([
      session.subscribe(subscription("A", 50, { depth: 21 })),
      session.subscribe(subscription("A", 100)),
      session.subscribe(subscription("B")),
    ]);
    expect(new Set([id, ...others]).size).toBe(4);
  });
});

describe("refusals", () => {
  it("of an unknown symbol, of the same view twice and of too many", async () => {
    rig = await BroadcastRig.start(["A", "B"], { subscriptionsPerConnectionMax: 1 });
    ({ session } = rig.connect());
    await expect(session.subscribe(subscription("X"))).rejects.toMatchObject({ code: "not_found" });
    const first = session.subscribe(subscription("A"));
    await expect(session.subscribe(subscription("A"))).rejects.toMatchObject({ code: "already_exists" });
    await expect(session.subscribe(subscription("B"))).rejects.toMatchObject({ code: "resource_exhausted" });
    const viewId = await first;
    expect(session.unsubscribe(viewId)).toBe(true);
    expect(session.unsubscribe(viewId)).toBe(false);
    await session.subscribe(subscription("B"));
  });

  it("of a depth that the board or the views have no memory for", async () => {
    rig = await BroadcastRig.start(["A"], {
      instrumentsMax: 10,
      boardBytesMax: 1 << 20,
      viewBytesMax: 1 << 20,
      depthMax: 100_000,
    });
    ({ consumer, session } = rig.connect());
    await expect(session.subscribe(subscription("A", 50, { depth: 15_000 }))).rejects.toMatchObject({
      code: "resource_exhausted",
      details: { reason: "BOARD_BYTES_MAX" },
    });
    await expect(session.subscribe(subscription("A", 50, { depth: 100_000 }))).rejects.toMatchObject({
      code: "resource_exhausted",
      details: { reason: "VIEW_BYTES_MAX" },
    });
    await subscribed(["A"]);
    await rig.apply("A", bid());
    expect(consumer.types()).toEqual([["delta"]]);
  });
});

describe("pace", () => {
  it("sends a change in a quiet view at once and the next no sooner than its interval", async () => {
    await subscribed(["A", 50]);
    await rig.apply("A", bid());
    expect(consumer.take()).toMatchObject([
      [{ type: "delta", prevSequence: "0", sequence: "1", mergedIntervals: 1 }],
    ]);
    await rig.apply("A", bid());
    await rig.clock.pass(49);
    expect(consumer.take()).toEqual([]);
    await rig.apply("A", bid());
    await rig.clock.pass(1);
    expect(consumer.take()).toMatchObject([
      [{ type: "delta", prevSequence: "1", sequence: "3", bids: [["1.00", "15", 3]] }],
    ]);
    await rig.clock.pass(200);
    expect(consumer.take()).toEqual([]);
    await rig.apply("A", bid());
    expect(consumer.types()).toEqual([["delta"]]);
  });

  it("sends one message an interval under a steady flow", async () => {
    await subscribed(["A", 100]);
    for (let ms = 0; ms < 1000; ms += 10) {
      await rig.apply("A", bid());
      await rig.clock.pass(10);
    }
    // At 0, 100, … 900; what is left leaves at 1000.
    expect(consumer.take().flat().length).toBe(11);
  });

  it("brings views of one interval onto common ticks, so that a client's symbols share a message", async () => {
    await subscribed(["A", 50], ["B", 50], ["C", 50]);
    await rig.apply("A", bid());
    await rig.clock.pass(20);
    await rig.apply("B", bid());
    await rig.clock.pass(13);
    await rig.apply("C", bid());
    expect(consumer.types()).toEqual([["delta"], ["delta"], ["delta"]]);
    for (let ms = 33; ms < 400; ms += 1) {
      if (ms % 10 === 0) for (const symbol of ["A", "B", "C"]) await rig.apply(symbol, bid());
      rig.clock.advance(1);
    }
    await rig.clock.settle();
    const flushes = consumer.types();
    expect(flushes.slice(0, 2)).toEqual([["delta"], ["delta", "delta", "delta"]]);
    for (const flush of flushes.slice(1)) expect(flush).toEqual(["delta", "delta", "delta"]);
  });

  it("sends a change at once where its group has been silent for an interval, whatever the ticks were", async () => {
    await subscribed(["A", 50], ["B", 50]);
    await rig.apply("A", bid());
    await rig.clock.pass(20);
    await rig.apply("B", bid());
    expect(consumer.types()).toEqual([["delta"], ["delta"]]);
    for (const silenceMs of [55, 50, 62, 75, 99, 51]) {
      await rig.clock.pass(silenceMs, 1);
      await rig.apply("B", bid());
      expect(consumer.types(), `after ${silenceMs} ms`).toEqual([["delta"]]);
    }
    // The last one has set the ticks: what both change from now on leaves together, an interval after it.
    await rig.apply("A", bid());
    await rig.apply("B", bid());
    consumer.take();
    await rig.clock.pass(49, 1);
    expect(consumer.take()).toEqual([]);
    await rig.apply("A", bid());
    await rig.clock.pass(1);
    expect(consumer.types()).toEqual([["delta", "delta"]]);
  });

  it("keeps the distance of each view, and nobody waits in a silent group, whenever changes come", () =>
    withSeed(async (random) => {
      const symbols = ["A", "B", "C"];
      await subscribed(["A", 50], ["B", 50], ["C", 50]);
      const sentMs = new Map<unknown, number>();
      const waiting = new Set<unknown>();
      let lastMs = -Infinity;
      consumer.onSend = () => {
        lastMs = rig.clock.nowMs();
        for (const { symbol } of consumer.take().flat()) {
          expect(lastMs - (sentMs.get(symbol) ?? -Infinity)).toBeGreaterThanOrEqual(50);
          sentMs.set(symbol, lastMs);
          waiting.delete(symbol);
        }
      };
      for (let change = 0; change < 300; change++) {
        await rig.clock.pass(random.between(1, change % 2 === 0 ? 10 : 120), 1);
        const symbol = random.pick(symbols);
        const isSilent = waiting.size === 0 && rig.clock.nowMs() - lastMs >= 50;
        waiting.add(symbol);
        await rig.apply(symbol, bid());
        if (isSilent) expect([...waiting], `at ${rig.clock.nowMs()} ms`).toEqual([]);
      }
    }));

  it("keeps the distance when timers come late, and loses no interval to a little lateness", async () => {
    await subscribed(["A", 50]);
    const sentMs: number[] = [];
    consumer.onSend = () => sentMs.push(rig.clock.nowMs());
    for (const stallMs of [50, 90, 10, 7, 63, 12, 88, 49, 1, 5, 99, 130, 6]) {
      for (let change = 0; change < 2; change++) await rig.apply("A", bid());
      rig.clock.stall(stallMs);
      await rig.clock.settle();
    }
    for (const [place, ms] of sentMs.slice(1).entries()) {
      expect(ms - (sentMs[place] ?? 0)).toBeGreaterThanOrEqual(0.75 * 50 - 1);
    }
    rig.clock.advance(1000);
    sentMs.length = 0;
    for (let tick = 0; tick < 20; tick++) {
      await rig.apply("A", bid());
      rig.clock.stall(tick === 0 ? 2 : 50);
    }
    expect(sentMs.length).toBeGreaterThanOrEqual(19);
  });

  it("with interval 0 sends each turn's changes at once", async () => {
    await subscribed(["A", 0]);
    for (let i = 0; i < 3; i++) await rig.apply("A", bid());
    expect(consumer.types()).toEqual([["delta"], ["delta"], ["delta"]]);
  });

  it("lets a change out of the window use up no interval", async () => {
    await subscribed(["A", 50, { depth: 1 }]);
    await rig.apply("A", bid(100));
    await rig.clock.pass(60);
    await rig.apply("A", bid(90));
    await rig.apply("A", bid(101));
    expect(consumer.take().at(-1)).toMatchObject([
      {
        type: "delta",
        prevSequence: "1",
        sequence: "3",
        bids: [
          ["1.00", "0", 0],
          ["1.01", "5", 1],
        ],
      },
    ]);
  });

  it("is stretched for all alike while flushing takes more than its budget, and relaxes again", async () => {
    rig = await BroadcastRig.start(["A"], { flushBudgetPercent: 10 });
    ({ consumer, session } = rig.connect());
    await subscribed(["A", 50]);
    let costMs = 20;
    consumer.onSend = () => rig.clock.advance(costMs);
    const flushesInASecond = async () => {
      consumer.take();
      for (let ms = 0; ms < 1000; ms += 25) {
        await rig.apply("A", bid());
        await rig.clock.pass(25);
      }
      return consumer.take().length;
    };
    const unstretched = await flushesInASecond();
    for (let second = 0; second < 4; second++) await flushesInASecond();
    expect(rig.broadcaster.gauges.stretch).toBe(4);
    expect(await flushesInASecond()).toBeLessThan(unstretched / 2);
    costMs = 0;
    for (let second = 0; second < 4; second++) await flushesInASecond();
    expect(rig.broadcaster.gauges.stretch).toBe(1);
  });
});

describe("merging within an interval", () => {
  it("makes one entry of many changes of a price, with its net state", async () => {
    await subscribed(["A", 50]);
    const first = bid(100, 1);
    await rig.apply("A", first);
    consumer.take();
    for (let i = 0; i < 10; i++) await rig.apply("A", bid(100, 1));
    await rig.apply("A", { action: 3, id: first.id });
    await rig.clock.pass(50);
    expect(consumer.take()).toMatchObject([
      [{ type: "delta", sequence: "12", bids: [["1.00", "10", 10]], asks: [] }],
    ]);
  });

  it("sends nothing where nothing has changed in the end, and heartbeats tell the sequence", async () => {
    await subscribed(["A", 50]);
    await rig.apply("A", bid());
    consumer.take();
    const passing = bid(99);
    await rig.apply("A", passing);
    await rig.apply("A", { action: 3, id: passing.id });
    await rig.clock.pass(999);
    expect(consumer.take()).toEqual([]);
    await rig.clock.pass(1);
    expect(consumer.take()).toMatchObject([[{ type: "heartbeat", symbol: "A", sequence: "3" }]]);
    await rig.apply("A", bid());
    expect(consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "1", sequence: "4" }]]);
  });
});

describe("heartbeats", () => {
  it("come after the interval with nothing else sent, of all quiet views in one flush", async () => {
    await subscribed(["A"], ["B"]);
    await rig.clock.pass(1000);
    expect(consumer.types()).toEqual([["heartbeat", "heartbeat"]]);
    await rig.clock.pass(500);
    await rig.apply("A", bid());
    expect(consumer.types()).toEqual([["delta"]]);
    await rig.clock.pass(500);
    expect(consumer.take()).toMatchObject([[{ type: "heartbeat", symbol: "B" }]]);
    await rig.clock.pass(500);
    expect(consumer.take()).toMatchObject([[{ type: "heartbeat", symbol: "A" }]]);
  });

  it("stop with the last subscription", async () => {
    await subscribed(["A"]);
    session.close();
    await rig.clock.pass(40_000, 1000);
    expect(consumer.take()).toEqual([]);
    expect(rig.clock.waiting).toBe(0);
    expect(rig.broadcaster.gauges).toMatchObject({ consumers: 0, views: 0, subscriptions: 0, viewBytes: 0 });
  });
});

describe("sharing", () => {
  it("encodes a delta once for all consumers at one cursor, and a snapshot once", async () => {
    const others = [rig.connect(), rig.connect()];
    for (const each of [{ session }, ...others]) await each.session.subscribe(subscription("A"));
    await rig.clock.settle();
    await rig.apply("A", bid());
    const [, snapshot, delta] = consumer.pieces;
    for (const other of others) {
      expect(other.consumer.pieces[1]).toBe(snapshot);
      expect(other.consumer.pieces[2]).toBe(delta);
    }
  });

  it("brings one who joins in the middle of an interval to the others' cursor", async () => {
    await subscribed(["A"]);
    await rig.apply("A", bid());
    await rig.apply("A", bid());
    const late = rig.connect();
    await late.session.subscribe(subscription("A"));
    await rig.clock.settle();
    expect(late.consumer.take()).toMatchObject([
      [{ type: "subscribed" }, { type: "snapshot", sequence: "1" }],
    ]);
    consumer.take();
    await rig.clock.pass(50);
    expect(late.consumer.take()).toEqual(consumer.take());
    expect(late.consumer.pieces.at(-1)).toBe(consumer.pieces.at(-1));
  });
});

describe("resume", () => {
  async function reconnect(sequence: number, epoch = rig.flow.log.epoch) {
    const back = rig.connect();
    await back.session.subscribe(subscription("A", 50, { resume: { epoch, sequence } }));
    await rig.clock.settle();
    return back.consumer.take();
  }

  beforeEach(async () => {
    await subscribed(["A"]);
    for (let i = 0; i < 3; i++) {
      await rig.apply("A", bid(100 + i));
      await rig.clock.pass(100);
    }
  });

  it("goes on from a state that the view knows, with all intervals since folded in", async () => {
    expect(await reconnect(1)).toMatchObject([
      [
        { type: "subscribed", resumed: true },
        {
          type: "delta",
          prevSequence: "1",
          sequence: "3",
          mergedIntervals: 2,
          bids: [
            ["1.02", "5", 1],
            ["1.01", "5", 1],
          ],
        },
      ],
    ]);
  });

  it("at the newest state brings nothing but Subscribed", async () => {
    expect(await reconnect(3)).toMatchObject([[{ type: "subscribed", resumed: true }]]);
  });

  it("elsewhere brings a snapshot", async () => {
    const anew = [
      [
        { type: "subscribed", resumed: false },
        { type: "snapshot", sequence: "3" },
      ],
    ];
    expect(await reconnect(3, 1n)).toMatchObject(anew);
    expect(await reconnect(4)).toMatchObject(anew);
    expect(await reconnect(Infinity)).toMatchObject(anew);
    await rig.apply("A", bid(), bid());
    expect(await reconnect(4)).toMatchObject([[{ resumed: false }, { sequence: "5" }]]);
  });

  it("finds the view again after its last consumer has gone, for as long as it lingers", async () => {
    session.close();
    await rig.apply("A", bid(103), { action: 6 });
    expect(await reconnect(3)).toMatchObject([
      [{ resumed: true }, { type: "delta", prevSequence: "3", sequence: "5" }],
    ]);
    await rig.clock.pass(rig.flow.limits.viewLingerMs, 10_000);
    expect(await reconnect(5)).toMatchObject([[{ resumed: true }]]);
  });

  it("is over when the view has been given up", async () => {
    session.close();
    await rig.clock.pass(rig.flow.limits.viewLingerMs, 10_000);
    expect(rig.broadcaster.gauges.views).toBe(0);
    await rig.apply("A", bid());
    expect(await reconnect(3)).toMatchObject([[{ resumed: false }, { type: "snapshot" }]]);
  });
});

describe("an instrument that is redefined before its first event", () => {
  it("starts its consumers anew with the new scales", async () => {
    await subscribed(["A"]);
    await rig.define(testInstrument("A", { priceScale: 3 }));
    expect(consumer.take()).toMatchObject([
      [
        { type: "notice", code: "resync" },
        { type: "subscribed", instrument: { priceScale: 3 } },
        { type: "snapshot", sequence: "0" },
      ],
    ]);
    await rig.apply("A", bid());
    expect(consumer.take()).toMatchObject([[{ type: "delta", bids: [["0.100", "5", 1]] }]]);
  });

  it("does not disturb them by a new description", async () => {
    await subscribed(["A"]);
    await rig.define(testInstrument("A", { description: "new" }));
    expect(consumer.take()).toEqual([]);
  });
});

describe("stop", () => {
  it("tells every consumer, once for each view, and takes no new ones", async () => {
    await subscribed(["A"], ["B"]);
    rig.broadcaster.stop();
    expect(consumer.ended).toMatchObject({ code: "unavailable" });
    expect(consumer.farewell).toMatchObject([
      { type: "notice", code: "shutdown", symbol: "A" },
      { type: "notice", code: "shutdown", symbol: "B" },
    ]);
    expect(() => rig.connect()).toThrow("going away");
    await expect(session.subscribe(subscription("C"))).rejects.toMatchObject({ code: "unavailable" });
    expect(rig.clock.waiting).toBe(0);
  });
});

describe("memory", () => {
  it("of idle views is given to new ones when the budget is used up", async () => {
    rig = await BroadcastRig.start(["A"], { viewBytesMax: 1 << 20, depthMax: 10_000 });
    for (let depth = 4000; depth < 4040; depth++) {
      const { session: passing } = rig.connect();
      await passing.subscribe(subscription("A", 50, { depth }));
      await rig.clock.settle();
      passing.close();
    }
    expect(rig.broadcaster.gauges.views).toBeGreaterThan(1);
    expect(rig.broadcaster.gauges.viewBytes).toBeLessThan(1.2 * (1 << 20));
  });

  it("is counted with the levels that are to come, before the book has them", async () => {
    rig = await BroadcastRig.start(["A"], { viewBytesMax: 1 << 20, depthMax: 10_000 });
    const { session: greedy } = rig.connect();
    const opened: Promise<number>[] = [];
    for (let depth = 5000; depth < 5010; depth++) {
      opened.push(greedy.subscribe(subscription("A", 50, { depth })));
    }
    const outcomes = await Promise.allSettled(opened);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(3);
    expect(outcomes.at(-1)).toMatchObject({ reason: { details: { reason: "VIEW_BYTES_MAX" } } });
    expect(rig.broadcaster.gauges.viewBytes).toBeLessThanOrEqual(1 << 20);
    await rig.clock.settle();
    greedy.close();
    const again = rig.connect().session;
    await again.subscribe(subscription("A", 50, { depth: 5009 }));
    expect(rig.broadcaster.gauges.viewBytes).toBeLessThanOrEqual(1 << 20);
  });

  it("of the board's deep slots is given back", async () => {
    const before = rig.flow.board.bytes;
    await subscribed(["A", 50, { depth: 1000 }]);
    expect(rig.flow.board.bytes).toBeGreaterThan(before);
    session.close();
    await rig.clock.pass(rig.flow.limits.viewLingerMs + 10_000, 10_000);
    expect(rig.flow.board.bytes).toBe(before);
  });
});
