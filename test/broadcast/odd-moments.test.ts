import { beforeEach, describe, expect, it } from "vitest";
import type { ConsumerSession } from "../../src/broadcast/consumer.ts";
import { type AttentiveConsumer, BroadcastRig, subscription } from "../support/broadcast-rig.ts";
import { addOrder, testInstrument } from "../support/flow-rig.ts";

const bid = (price = 100, quantity = 5) => addOrder(1, price, quantity);
let rig: BroadcastRig;
let consumer: AttentiveConsumer;
let session: ConsumerSession;

beforeEach(async () => {
  rig = await BroadcastRig.start(["A", "B"]);
  ({ consumer, session } = rig.connect());
});

/** Someone came, and went when the view knew sequence 1; the book went on to sequence 2. */
async function leaveLingeringView(): Promise<void> {
  await rig.apply("A", bid());
  const { session: passing } = rig.connect();
  await passing.subscribe(subscription("A"));
  await rig.clock.settle();
  passing.close();
  await rig.apply("A", bid(101));
}

describe("who comes to a lingering view", () => {
  beforeEach(leaveLingeringView);

  it("and drains before being greeted, as a gRPC stream does, gets the newest state and what follows", async () => {
    consumer.blocked = true;
    await session.subscribe(subscription("A"));
    consumer.blocked = false;
    session.drained();
    await rig.clock.settle();
    expect(consumer.take()).toMatchObject([[{ type: "subscribed" }, { type: "snapshot", sequence: "2" }]]);
    await rig.apply("A", bid(102));
    await rig.clock.pass(50);
    expect(consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "2", sequence: "3" }]]);
  });

  it("and is held up at first gets the newest state when it drains", async () => {
    consumer.blocked = true;
    await session.subscribe(subscription("A"));
    await rig.apply("A", bid(102));
    await rig.clock.pass(100);
    consumer.blocked = false;
    session.drained();
    expect(consumer.take()).toMatchObject([[{ type: "subscribed" }, { type: "snapshot", sequence: "3" }]]);
    await rig.apply("A", bid(103));
    expect(consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "3", sequence: "4" }]]);
  });

  it("in the turn of a change gets it once", async () => {
    const applied = rig.apply("A", bid(102));
    await session.subscribe(subscription("A", 0));
    await session.subscribe(subscription("A"));
    await applied;
    await rig.clock.pass(50);
    await rig.apply("A", bid(103));
    const chains = Map.groupBy(consumer.take().flat(), ({ viewId }) => viewId);
    expect(chains.size).toBe(2);
    for (const chain of chains.values()) {
      expect(chain[0]).toMatchObject({ type: "subscribed" });
      expect(chain[1]).toMatchObject({ type: "snapshot" });
      for (const [place, { prevSequence }] of chain.slice(2).entries()) {
        expect(prevSequence).toBe(chain[place + 1]?.["sequence"]);
      }
      expect(chain.at(-1)).toMatchObject({ sequence: "4" });
    }
  });

  it("finds it alive though the one before left with a change waiting for its tick", async () => {
    const { session: passing } = rig.connect();
    await passing.subscribe(subscription("A"));
    await rig.clock.settle();
    await rig.apply("A", bid(102));
    await rig.apply("A", bid(103));
    passing.close();
    await session.subscribe(subscription("A"));
    await rig.clock.settle();
    expect(consumer.take()).toMatchObject([[{ type: "subscribed" }, { type: "snapshot", sequence: "4" }]]);
    await rig.clock.pass(50);
    await rig.apply("A", bid(104));
    expect(consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "4", sequence: "5" }]]);
  });
});

describe("a subscription that is dropped and made again while its view is opened", () => {
  it("is there once, and leaves nothing behind", async () => {
    const first = session.subscribe(subscription("A", 50, { depth: 100 }));
    const viewId = (rig.flow.limits.depthMax + 1 + 100) * 16 + 3;
    expect(session.unsubscribe(viewId)).toBe(true);
    const second = session.subscribe(subscription("A", 50, { depth: 100 }));
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    expect(await second).toBe(viewId);
    await rig.clock.settle();
    expect(consumer.types()).toEqual([["subscribed", "snapshot"]]);
    expect(rig.broadcaster.gauges.subscriptions).toBe(1);
    session.close();
    expect(rig.broadcaster.gauges.subscriptions).toBe(0);
    await rig.clock.pass(40_000, 1000);
    expect(rig.broadcaster.gauges).toMatchObject({ views: 0, viewBytes: 0 });
    expect(rig.clock.waiting).toBe(0);
  });
});

describe("heartbeats", () => {
  it("tell nobody a sequence that is ahead of what was sent to them", async () => {
    await session.subscribe(subscription("A"));
    await rig.clock.settle();
    consumer.blocked = true;
    await rig.apply("A", bid());
    // Writable again, but the transport has not come to say so: nothing is sent until it does.
    consumer.blocked = false;
    consumer.take();
    await rig.clock.pass(1000);
    expect(consumer.take()).toEqual([]);
    session.drained();
    expect(consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "0", sequence: "1" }]]);
    await rig.clock.pass(1000);
    expect(consumer.take()).toMatchObject([[{ type: "heartbeat", sequence: "1" }]]);
  });
});

describe("a redefinition", () => {
  it("reaches a consumer that is held up, and the event that follows at once", async () => {
    await session.subscribe(subscription("A"));
    await rig.clock.settle();
    consumer.take();
    consumer.blocked = true;
    await rig.define(testInstrument("A", { priceScale: 3 }));
    await rig.apply("A", bid());
    consumer.blocked = false;
    session.drained();
    expect(consumer.take()).toMatchObject([
      [
        { type: "notice", code: "resync" },
        { type: "subscribed", instrument: { priceScale: 3 } },
        { type: "snapshot", sequence: "1", bids: [["0.100", "5", 1]] },
      ],
    ]);
    await rig.clock.pass(50);
    await rig.apply("A", bid());
    expect(consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "1" }]]);
  });

  it("while a subscription joins is what it begins with, once", async () => {
    const joined = session.subscribe(subscription("A"));
    const defined = rig.define(testInstrument("A", { priceScale: 3 }));
    await Promise.all([joined, defined]);
    const messages = consumer.take().flat();
    expect(messages.at(-2)).toMatchObject({ type: "subscribed", instrument: { priceScale: 3 } });
    expect(messages.at(-1)).toMatchObject({ type: "snapshot", sequence: "0" });
  });
});

describe("a consumer that acts while it is sent to", () => {
  it("may say that it has drained", async () => {
    await session.subscribe(subscription("A"));
    consumer.onSend = () => session.drained();
    await rig.clock.settle();
    await rig.apply("A", bid());
    expect(consumer.types()).toEqual([["subscribed", "snapshot"], ["delta"]]);
  });

  it("may close, and others are still sent to", async () => {
    const other = rig.connect();
    await session.subscribe(subscription("A"));
    await other.session.subscribe(subscription("A"));
    await rig.clock.settle();
    consumer.onSend = () => session.close();
    await rig.apply("A", bid());
    await rig.clock.pass(50);
    await rig.apply("A", bid());
    expect(consumer.types()).toEqual([["subscribed", "snapshot"], ["delta"]]);
    expect(other.consumer.types()).toEqual([["subscribed", "snapshot"], ["delta"], ["delta"]]);
    expect(rig.broadcaster.gauges.consumers).toBe(1);
  });
});

describe("the stall timeout", () => {
  it("closes those that took nothing, and leaves nothing of them", async () => {
    const others = [rig.connect(), rig.connect()];
    for (const each of [{ session }, ...others]) await each.session.subscribe(subscription("A"));
    await rig.clock.settle();
    for (const { consumer: stalled } of others) stalled.blocked = true;
    await rig.apply("A", bid());
    await rig.clock.pass(rig.flow.limits.stallTimeoutMs * 1.2, 1000);
    for (const { consumer: stalled } of others) {
      expect(stalled.ended).toMatchObject({ code: "resource_exhausted" });
    }
    expect(consumer.ended).toBeUndefined();
    expect(rig.broadcaster.gauges).toMatchObject({ consumers: 1, waiting: 0, subscriptions: 1 });
  });

  it("spares those that took all since, though nobody told, and counts from what was sent last", async () => {
    rig = await BroadcastRig.start(["A"], { heartbeatIntervalMs: 600_000 });
    ({ consumer, session } = rig.connect());
    await session.subscribe(subscription("A"));
    await rig.clock.settle();
    consumer.onSend = () => {
      consumer.blocked = true;
    };
    await rig.apply("A", bid());
    await rig.clock.pass(50);
    expect(rig.broadcaster.gauges.waiting).toBe(1);
    consumer.blocked = false;
    expect(rig.broadcaster.gauges.waiting).toBe(0);
    const { stallTimeoutMs } = rig.flow.limits;
    await rig.clock.pass(stallTimeoutMs * 0.9, 1000);
    await rig.apply("A", bid(101));
    await rig.clock.pass(stallTimeoutMs * 0.9, 1000);
    expect(consumer.ended).toBeUndefined();
    await rig.clock.pass(stallTimeoutMs * 0.3, 1000);
    expect(consumer.ended).toMatchObject({ code: "resource_exhausted" });
  });
});
