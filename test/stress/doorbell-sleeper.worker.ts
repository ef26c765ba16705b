/**
 * A reader that does nothing but sleep until it is rung, and tells through `progress` the newest sequence that
 * it has read: word 0 the sequence, word 1 how often it was rung, word 2 how often it fell asleep.
 */
import { type MessagePort, workerData } from "node:worker_threads";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";

interface SleeperTask {
  readonly control: SharedArrayBuffer;
  readonly buffer: SharedArrayBuffer;
  readonly progress: SharedArrayBuffer;
  readonly bell: MessagePort;
}

const { control, buffer, progress, bell } = workerData as SleeperTask;
const words = new Int32Array(progress);
const board = new DepthBoardReader({ reader: 0, control });
board.attach(1, buffer);

function readUntilAsleep(): void {
  do {
    board.takeDirty((instrument) => {
      Atomics.store(words, 0, board.sequence(instrument));
      Atomics.notify(words, 0);
    });
  } while (!board.arm());
  Atomics.add(words, 2, 1);
}

bell.on("message", () => {
  Atomics.add(words, 1, 1);
  board.answer();
  readUntilAsleep();
});
readUntilAsleep();
