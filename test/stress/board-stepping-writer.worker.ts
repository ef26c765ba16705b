/** Publishes one instrument without end, pausing after each atomic step and in the middle of each fill. */
import { parentPort, workerData } from "node:worker_threads";
import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import type { DepthSlot } from "../../src/board/slot-publisher.ts";
import { createDepth } from "../../src/book/depth.ts";
import { interceptAtomics } from "../support/atomic-steps.ts";
import { StepWord, type SteppingWriterTask } from "../support/board-steps.ts";
import { fillPattern } from "../support/patterned-depth.ts";
import { Random } from "../support/random.ts";

const FILL_PAUSE_NANOS_MAX = 20_000;
const STEP_PAUSE_NANOS_MAX = 500;
const SLICE_PUBLICATIONS = 500;

const { progress, readers, seed } = workerData as SteppingWriterTask;
const words = new Int32Array(progress);
const random = new Random(seed);
const { add } = Atomics;
const notify = Atomics.notify.bind(Atomics);
const pattern = createDepth(64);
let buffer: SharedArrayBuffer | undefined;
let sequence = 0;

function step(pauseNanosMax: number): void {
  add(words, StepWord.writersSteps, 1);
  notify(words, StepWord.writersSteps);
  const until = process.hrtime.bigint() + BigInt(random.between(0, pauseNanosMax));
  while (process.hrtime.bigint() < until);
}

function fill(slot: DepthSlot): void {
  fillPattern(pattern, sequence, slot.capacity);
  slot.sequence = pattern.sequence;
  slot.state = pattern.state;
  slot.sourceTimeLow = pattern.sourceTimeLow;
  slot.sourceTimeHigh = pattern.sourceTimeHigh;
  for (const side of ["asks", "bids"] as const) {
    slot[side].length = pattern[side].length;
    slot[side].price.set(pattern[side].price);
    step(FILL_PAUSE_NANOS_MAX);
    slot[side].quantity.set(pattern[side].quantity);
    slot[side].orderCount.set(pattern[side].orderCount);
    step(FILL_PAUSE_NANOS_MAX);
  }
}

const writer = new DepthBoardWriter({
  readers,
  instrumentsMax: 10,
  bytesMax: 1024 * 1024,
  ring: () => undefined,
  announce: (_, announced) => (buffer = announced),
});
writer.define(1);

function work(): void {
  for (let n = 0; n < SLICE_PUBLICATIONS; n += 1) {
    sequence += 1;
    writer.publish(1, fill);
    add(words, StepWord.publications, 1);
  }
  setImmediate(work);
}

interceptAtomics((_, perform) => {
  const result = perform();
  step(STEP_PAUSE_NANOS_MAX);
  return result;
});
parentPort!.postMessage({ control: writer.control, buffer });
work();
