import { expect, it } from "vitest";
import { FlushQueue } from "../../src/broadcast/flush-queue.ts";
import type { BroadcastSession } from "../../src/broadcast/session.ts";
import { BroadcastRig, subscription } from "../support/broadcast-rig.ts";
import { addOrder } from "../support/flow-rig.ts";

const CONSUMERS = 600;
/** More than are served in one turn of the event loop. */
const LATE = CONSUMERS - 10;

async function crowd(): Promise<{ rig: BroadcastRig; clients: ReturnType<BroadcastRig["connect"]>[] }> {
  const rig = await BroadcastRig.start(["A"]);
  const clients = Array.from({ length: CONSUMERS }, () => rig.connect());
  for (const { session } of clients) await session.subscribe(subscription("A"));
  await rig.clock.settle(20);
  await rig.apply("A", addOrder(1, 100, 5));
  await rig.clock.settle(20);
  for (const { consumer } of clients) consumer.take();
  // Waits for the tick.
  await rig.apply("A", addOrder(2, 101, 5));
  return { rig, clients };
}

it("a flush to many goes on in later turns; nobody gets it twice, and all get it", async () => {
  const { rig, clients } = await crowd();
  rig.clock.advance(50);
  const counts = () => clients.map(({ consumer }) => consumer.flushes.length);
  const servedAtOnce = counts().filter((count) => count === 1).length;
  expect(servedAtOnce).toBeGreaterThan(0);
  expect(servedAtOnce).toBeLessThan(LATE);
  await rig.clock.settle(20);
  expect(counts()).toEqual(clients.map(() => 1));
  for (const { consumer } of clients) {
    expect(consumer.flushes[0]).toMatchObject([{ type: "delta", prevSequence: "1", sequence: "2" }]);
  }
});

it("who leaves, unsubscribes or is held up before its turn is sent nothing; the rest is served", async () => {
  const { rig, clients } = await crowd();
  const [gone, other, blocked] = clients.slice(LATE);
  const viewId = await rig.connect().session.subscribe(subscription("A"));
  rig.clock.advance(50);
  gone?.session.close();
  expect(other?.session.unsubscribe(viewId)).toBe(true);
  if (blocked !== undefined) blocked.consumer.blocked = true;
  await rig.clock.settle(20);
  const missing = clients.filter(({ consumer }) => consumer.flushes.length !== 1);
  expect(missing).toEqual([gone, other, blocked]);
  if (blocked !== undefined) blocked.consumer.blocked = false;
  blocked?.session.drained();
  expect(blocked?.consumer.take()).toMatchObject([[{ type: "delta", prevSequence: "1", sequence: "2" }]]);
});

it("who drains before its turn has had it", async () => {
  const { rig, clients } = await crowd();
  const early = clients.at(LATE);
  rig.clock.advance(50);
  early?.session.drained();
  expect(early?.consumer.flushes.length).toBe(1);
  await rig.clock.settle(20);
  expect(early?.consumer.flushes.length).toBe(1);
});

it("keeps the order and loses nobody, however many fall due between the turns", () => {
  const numbers = new Map<BroadcastSession, number>();
  const served: number[] = [];
  let nextTurn: (() => void) | undefined;
  const queue = new FlushQueue(
    (sessions) => {
      for (const session of sessions) served.push(numbers.get(session) as number);
    },
    (task) => {
      nextTurn = task;
    },
  );
  for (const arriving of [1000, 0, 300, 1, 0, 0, 64, 63, 65, 500]) {
    for (let i = 0; i < arriving; i += 1) {
      // Where it stands is all that the queue knows of a session.
      const session = {} as BroadcastSession;
      numbers.set(session, numbers.size);
      queue.add(session);
    }
    queue.run();
    const turn = nextTurn;
    nextTurn = undefined;
    turn?.();
  }
  while (nextTurn !== undefined) {
    const turn = nextTurn;
    nextTurn = undefined;
    turn();
  }
  expect(served).toEqual(Array.from({ length: numbers.size }, (_, index) => index));
});
