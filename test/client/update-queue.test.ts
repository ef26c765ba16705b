import { expect, test } from "vitest";
import type { MarketUpdate } from "../../src/client/market-update.ts";
import { UpdateQueue } from "../../src/client/update-queue.ts";
import { DepthcastError, ErrorCode } from "../../src/errors.ts";

function heartbeat(sequence: number): MarketUpdate {
  return { type: "heartbeat", viewId: 1, symbol: "X", epoch: 1n, sequence, publishTimeUnixNanos: 0n };
}

test("gives what was pushed in order, and ends after it", async () => {
  const queue = new UpdateQueue();
  queue.push([heartbeat(1), heartbeat(2)]);
  setImmediate(() => {
    queue.push([heartbeat(3)]);
    queue.end();
    queue.push([heartbeat(4)]);
  });
  const seen: MarketUpdate[] = [];
  for await (const batch of queue) seen.push(...batch);
  expect(seen).toEqual([1, 2, 3].map(heartbeat));
});

test("asks for a pause while its reader is behind, and for more when it has caught up", async () => {
  let roomTold = 0;
  const queue = new UpdateQueue(() => (roomTold += 1));
  let pushed = 0;
  do pushed += 1;
  while (queue.push([heartbeat(pushed)]) && pushed < 1000);
  expect(pushed).toBeLessThan(100);
  queue.end();
  for await (const _ of queue);
  expect(roomTold).toBe(1);
});

test("a failure comes after what was there before it; the first one counts", async () => {
  const queue = new UpdateQueue();
  queue.push([heartbeat(1)]);
  queue.fail(new DepthcastError(ErrorCode.unavailable, "gone"));
  queue.fail(new DepthcastError(ErrorCode.internal, "later"));
  const seen: MarketUpdate[] = [];
  const reading = (async () => {
    for await (const batch of queue) seen.push(...batch);
  })();
  await expect(reading).rejects.toThrow("gone");
  expect(seen).toHaveLength(1);
});

test("a transport that cannot pause fails when its reader is far behind", async () => {
  const queue = new UpdateQueue();
  for (let sequence = 0; sequence < 70_000; sequence += 1) queue.push([heartbeat(sequence)]);
  const reading = (async () => {
    for await (const _ of queue);
  })();
  await expect(reading).rejects.toMatchObject({ code: "resource_exhausted" });
});
