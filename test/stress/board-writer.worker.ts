/**
 * Writes a board as fast as it can: a small instrument and a deep one that keeps changing its capacity.
 * Tells the parent its control memory, each new buffer, and at the end how much it has published.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import { fillPattern } from "../support/patterned-depth.ts";

interface WriterTask {
  readonly readers: number;
  readonly durationMs: number;
  /** Publications of the deep instrument between two changes of its capacity. */
  readonly resizeEvery: number;
}

const { readers, durationMs, resizeEvery } = workerData as WriterTask;
const port = parentPort!;
const SMALL = 1;
const DEEP = 40;
let sequence = 0;
let resizes = 0;
const writer = new DepthBoardWriter({
  readers,
  instrumentsMax: 100,
  bytesMax: 64 * 1024 * 1024,
  ring: () => undefined,
  announce: (instrument, buffer) => port.postMessage({ instrument, buffer }),
});

function publish(instrument: number): void {
  writer.publish(instrument, (slot) => {
    fillPattern(slot, sequence, slot.capacity);
  });
}

function resizeDeep(): void {
  resizes += 1;
  if (resizes % 2 === 1) writer.claimDepth(DEEP, 0, 400);
  else writer.releaseDepth(DEEP, 0, 400);
  publish(DEEP);
}

/** In slices, so that the announcements are sent. */
function work(untilMs: number): void {
  const sliceEndMs = performance.now() + 2;
  while (performance.now() < sliceEndMs) {
    for (let n = 0; n < 20; n += 1) {
      sequence += 1;
      publish(SMALL);
      if (sequence % 4 === 0) publish(DEEP);
      if (sequence % (4 * resizeEvery) === 0) resizeDeep();
    }
    writer.endTurn();
  }
  if (performance.now() < untilMs) {
    setImmediate(work, untilMs);
    return;
  }
  publish(SMALL);
  publish(DEEP);
  port.postMessage({ published: sequence, resizes });
}

port.postMessage({ control: writer.control });
writer.define(SMALL);
writer.define(DEEP);
port.once("message", () => work(performance.now() + durationMs));
