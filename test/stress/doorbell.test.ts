// oxlint-disable unicorn/require-post-message-target-origin -- the threads of Node have no origin
import { MessageChannel, Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";

const DURATION_MS = 1000;
const WAKE_DEADLINE_MS = 5000;

/**
 * Publishes in small bursts and after each wants the sleeper to have read the last of them. Pauses of every
 * length up to some microseconds let publications fall on each step of the sleeper's falling asleep.
 */
test("a reader that sleeps between publications misses none, and is rung no more than it sleeps", async () => {
  const { port1: bell, port2: sleepersBell } = new MessageChannel();
  const progress = new SharedArrayBuffer(16);
  const words = new Int32Array(progress);
  let buffer: SharedArrayBuffer | undefined;
  let rings = 0;
  const writer = new DepthBoardWriter({
    readers: 1,
    instrumentsMax: 10,
    bytesMax: 1024 * 1024,
    ring: () => {
      rings += 1;
      bell.postMessage(0);
    },
    announce: (_, announced) => (buffer = announced),
  });
  writer.define(1);
  const sleeper = new Worker(new URL("./doorbell-sleeper.worker.ts", import.meta.url), {
    workerData: { control: writer.control, buffer, progress, bell: sleepersBell },
    transferList: [sleepersBell],
  });
  try {
    await untilAsleep(words);
    let sequence = 0;
    const endMs = performance.now() + DURATION_MS;
    while (performance.now() < endMs) {
      const burst = 1 + (sequence % 3);
      for (let n = 0; n < burst; n += 1) {
        sequence += 1;
        writer.publish(1, (slot) => void (slot.sequence = sequence));
        writer.endTurn();
        spin((sequence * 37) % 400);
      }
      expect(waitFor(words, sequence), `woken for sequence ${sequence}`).toBe(true);
    }
    expect(sequence).toBeGreaterThan(200);
    expect(rings).toBeGreaterThan(50);
    const [, rung, slept] = words;
    expect(rings - rung!).toBeLessThanOrEqual(1);
    expect(rings).toBeLessThanOrEqual(slept!);
  } finally {
    bell.close();
    await sleeper.terminate();
  }
});

async function untilAsleep(words: Int32Array): Promise<void> {
  const deadlineMs = performance.now() + WAKE_DEADLINE_MS;
  while (Atomics.load(words, 2) === 0 && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Blocks this thread until the sleeper has read up to `sequence`; false = it has not by the deadline. */
function waitFor(words: Int32Array, sequence: number): boolean {
  const deadlineMs = performance.now() + WAKE_DEADLINE_MS;
  for (;;) {
    const seen = Atomics.load(words, 0);
    if (seen >= sequence) return true;
    const leftMs = deadlineMs - performance.now();
    if (leftMs <= 0) return false;
    Atomics.wait(words, 0, seen, leftMs);
  }
}

function spin(steps: number): void {
  for (let n = 0; n < steps; n += 1) Math.sqrt(n);
}
