/**
 * An engine that writes a board of its own as fast as it can: a small instrument and a deep one that keeps changing
 * its capacity. Tells the parent its control memory, each new buffer, and at the end how much it has published.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import type { WriterMessage, WriterTask } from "../support/board-stress.ts";
import { fillPattern } from "../support/patterned-depth.ts";

const { board, readers, resizeEvery } = workerData as WriterTask;
const SMALL = 1;
const DEEP = 40;
const SLICE_MS = 2;
/** For however short a time the readers need it. */
const SEQUENCE_MIN = 10_000;
let sequence = 0;
let resizes = 0;
let isStopping = false;

const writer = new DepthBoardWriter({
  readers,
  instrumentsMax: 100,
  bytesMax: 64 * 1024 * 1024,
  ring: () => undefined,
  announce: (instrument, buffer) => tell({ kind: "buffer", board, instrument, buffer }),
});

function tell(message: WriterMessage): void {
  parentPort!.postMessage(message);
}

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
function work(): void {
  const sliceEndMs = performance.now() + SLICE_MS;
  while (performance.now() < sliceEndMs) {
    for (let n = 0; n < 20; n += 1) {
      sequence += 1;
      publish(SMALL);
      if (sequence % 4 === 0) publish(DEEP);
      if (sequence % (4 * resizeEvery) === 0) resizeDeep();
    }
    writer.endTurn();
  }
  if (!isStopping || sequence < SEQUENCE_MIN) {
    setImmediate(work);
    return;
  }
  publish(SMALL);
  publish(DEEP);
  tell({ kind: "written", board, sequence, resizes });
}

tell({ kind: "control", board, control: writer.control });
writer.define(SMALL);
writer.define(DEEP);
parentPort!.once("message", () => {
  parentPort!.once("message", () => (isStopping = true));
  work();
});
