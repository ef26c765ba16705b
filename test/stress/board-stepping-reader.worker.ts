/**
 * Copies by various depths, pausing after its atomic steps and in the middle of each copy until the writer has
 * gone on; `mistake` leaves a step out. Ends after so many copies, or at the first that is torn.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";
import { pinWord, SlotWord } from "../../src/board/slot-buffer.ts";
import { createDepth, type Depth } from "../../src/book/depth.ts";
import { interceptAtomics } from "../support/atomic-steps.ts";
import { StepWord, type SteppingReaderResult, type SteppingReaderTask } from "../support/board-steps.ts";
import { isPattern } from "../support/patterned-depth.ts";
import { Random } from "../support/random.ts";

const CAPACITY = 64;
const DEPTHS = [1, 20, 50, 64];
const STEPS_OF_A_PUBLICATION = 9;
const WAIT_MS_MAX = 20_000;

const { progress, control, buffer, reader, seed, copies, mistake } = workerData as SteppingReaderTask;
const words = new Int32Array(progress);
const random = new Random(seed);
const { load, wait } = Atomics;
const pin = pinWord(reader);
let pinned = 0;
let wentBack = 0;
let overtaken = 0;

function pause(steps: number): void {
  const until = load(words, StepWord.writersSteps) + steps;
  const deadlineMs = performance.now() + WAIT_MS_MAX;
  for (let done = load(words, StepWord.writersSteps); done < until; ) {
    if (performance.now() > deadlineMs) throw new Error("the writer does not go on");
    wait(words, StepWord.writersSteps, done, 1);
    done = load(words, StepWord.writersSteps);
  }
}

/** Half of the steps are followed by one, else R3 would hardly ever find the same slot. */
function pauseBetweenSteps(): void {
  if (random.chance(50)) pause(random.between(1, 2 * STEPS_OF_A_PUBLICATION));
}

function pauseInCopy(): void {
  const before = load(words, StepWord.publications);
  pause(3 * STEPS_OF_A_PUBLICATION);
  if (load(words, StepWord.publications) > before) overtaken += 1;
}

/** Is told its time after its sequence and before its levels, and pauses then. */
function pausingDepth(): Depth {
  let sourceTimeHigh = 0;
  return Object.defineProperty(createDepth(CAPACITY), "sourceTimeHigh", {
    get: () => sourceTimeHigh,
    set(value: number) {
      sourceTimeHigh = value;
      pauseInCopy();
    },
  });
}

function interceptReads(): void {
  interceptAtomics(({ operation, words: { buffer: of }, index, value }, perform) => {
    if (of !== buffer) return perform();
    let result: number;
    if (operation === "store" && index === pin && value !== 0 && mistake === "R2 left out") {
      result = value!;
    } else if (
      operation === "load" &&
      index === SlotWord.latest &&
      pinned !== 0 &&
      mistake === "R3 left out"
    ) {
      result = pinned;
    } else {
      result = perform();
    }
    if (operation === "store" && index === pin) pinned = value!;
    else if (pinned !== 0) {
      if (result !== pinned) wentBack += 1;
      pinned = 0;
    }
    pauseBetweenSteps();
    return result;
  });
}

function run(): SteppingReaderResult {
  const board = new DepthBoardReader({ reader, control });
  board.attach(1, buffer);
  const into = pausingDepth();
  interceptReads();
  const result = { copies: 0, torn: 0, backwards: 0 };
  let newest = 0;
  while (result.copies < copies && result.torn === 0) {
    const levels = random.pick(DEPTHS);
    if (!board.read(1, levels, into)) continue;
    result.copies += 1;
    if (into.sequence > 0 && !isPattern(into, levels, CAPACITY)) result.torn += 1;
    if (into.sequence < newest) result.backwards += 1;
    newest = into.sequence;
  }
  return { ...result, wentBack, overtaken };
}

parentPort!.postMessage(run());
