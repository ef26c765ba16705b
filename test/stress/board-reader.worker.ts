/**
 * Copies from a board as fast as it can, by various depths, and checks each copy. `unpinned` takes the pin
 * out of the protocol; `pauseNanos` is spent between pinning and copying.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";
import type { SlotReader } from "../../src/board/slot-reader.ts";
import { createDepth } from "../../src/book/depth.ts";
import { isPattern } from "../support/patterned-depth.ts";

interface ReaderTask {
  readonly reader: number;
  readonly control: SharedArrayBuffer;
  readonly unpinned: boolean;
  readonly pauseNanos: number;
}

const { reader: number, control, unpinned, pauseNanos } = workerData as ReaderTask;
const port = parentPort!;
const DEPTHS = [1, 20, 50, 64, 128, 400];

class PausingReader extends DepthBoardReader {
  protected override pin(slots: SlotReader): number {
    const slot = unpinned ? slots.latest() : super.pin(slots);
    if (pauseNanos > 0) spin();
    return slot;
  }
}

function spin(): void {
  const until = process.hrtime.bigint() + BigInt(pauseNanos);
  while (process.hrtime.bigint() < until);
}

const board = new PausingReader({ reader: number, control });
const capacities = new Map<number, number>();
const last = new Map<number, number>();
const into = createDepth(400);
const result = { copies: 0, torn: 0, backwards: 0, notReadable: 0, newest: [0, 0] };
let stopping = false;

function copyOnce(instrument: number, levels: number): void {
  if (!board.read(instrument, levels, into)) {
    result.notReadable += 1;
    return;
  }
  result.copies += 1;
  if (into.sequence > 0 && !isPattern(into, levels, capacities.get(instrument)!)) result.torn += 1;
  if (into.sequence < (last.get(instrument) ?? 0)) result.backwards += 1;
  last.set(instrument, into.sequence);
}

function work(): void {
  for (let n = 0; n < 400; n += 1) {
    for (const instrument of capacities.keys()) copyOnce(instrument, DEPTHS[n % DEPTHS.length]!);
  }
  if (!stopping) {
    setImmediate(work);
    return;
  }
  result.newest = [board.sequence(1), board.sequence(40)];
  port.postMessage(result);
}

port.on(
  "message",
  (message: { instrument: number; buffer: SharedArrayBuffer; capacity: number } | "stop") => {
    if (message === "stop") {
      stopping = true;
      port.unref();
      return;
    }
    board.attach(message.instrument, message.buffer);
    capacities.set(message.instrument, message.capacity);
  },
);
port.postMessage("ready");
work();
