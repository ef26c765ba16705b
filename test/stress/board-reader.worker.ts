/**
 * A gateway that copies from all boards as fast as it can, by various depths, and checks each copy. Tells when it
 * has made as many as it was asked for; goes on until it is stopped, and then tells what it has found.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";
import { createDepth } from "../../src/book/depth.ts";
import type { ReaderResult, ReaderTask, ToReader } from "../support/board-stress.ts";
import { isPattern } from "../support/patterned-depth.ts";

const DEPTHS = [1, 20, 50, 64, 128, 400];

interface Instrument {
  readonly board: DepthBoardReader;
  readonly number: number;
  capacity: number;
  newest: number;
}

const { reader, controls, copiesMin, durationMinMs } = workerData as ReaderTask;
const port = parentPort!;
const boards = controls.map((control) => new DepthBoardReader({ reader, control }));
const instruments = new Map<string, Instrument>();
const into = createDepth(400);
const result = { copies: 0, torn: 0, backwards: 0, notReadable: 0, advances: 0 };
const doneMs = performance.now() + durationMinMs;
let isDone = false;
let isStopping = false;

function copyOnce(instrument: Instrument, levels: number): void {
  if (!instrument.board.read(instrument.number, levels, into)) {
    result.notReadable += 1;
    return;
  }
  result.copies += 1;
  if (into.sequence > 0 && !isPattern(into, levels, instrument.capacity)) result.torn += 1;
  if (into.sequence < instrument.newest) result.backwards += 1;
  if (into.sequence > instrument.newest) result.advances += 1;
  instrument.newest = into.sequence;
}

function work(): void {
  for (let n = 0; n < 400; n += 1) {
    for (const instrument of instruments.values()) copyOnce(instrument, DEPTHS[n % DEPTHS.length]!);
  }
  if (!isDone && result.copies >= copiesMin && performance.now() >= doneMs) {
    isDone = true;
    port.postMessage("done");
  }
  if (!isStopping) {
    setImmediate(work);
    return;
  }
  const newest = boards.map((board) => [board.sequence(1), board.sequence(40)]);
  port.postMessage({ ...result, newest } satisfies ReaderResult);
}

port.on("message", (message: ToReader) => {
  if (message.kind === "stop") {
    isStopping = true;
    port.unref();
    return;
  }
  const { board: index, instrument: number, buffer, capacity } = message;
  const board = boards[index]!;
  board.attach(number, buffer);
  const key = `${index}/${number}`;
  const known = instruments.get(key);
  if (known === undefined) instruments.set(key, { board, number, capacity, newest: 0 });
  else known.capacity = capacity;
});
port.postMessage("ready");
work();
