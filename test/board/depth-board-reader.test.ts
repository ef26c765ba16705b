import { expect, onTestFinished, test } from "vitest";
import { BoardControl } from "../../src/board/board-control.ts";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";
import { pinWord } from "../../src/board/slot-buffer.ts";
import { SlotPublisher } from "../../src/board/slot-publisher.ts";
import { createDepth } from "../../src/book/depth.ts";
import { interceptAtomics } from "../support/atomic-steps.ts";
import { fillPattern, isPattern } from "../support/patterned-depth.ts";

function publish(slots: SlotPublisher, sequence: number, levels: number = slots.capacity): void {
  slots.publish((slot) => {
    fillPattern(slot, sequence, levels);
  });
}

function dirtyOf(reader: DepthBoardReader): number[] {
  const instruments: number[] = [];
  reader.takeDirty((instrument) => instruments.push(instrument));
  return instruments;
}

function createReader(instrumentsMax = 100): DepthBoardReader {
  return new DepthBoardReader({ reader: 0, control: BoardControl.create(1, instrumentsMax).buffer });
}

test("what is not attached or not published cannot be read", () => {
  const reader = createReader();
  const into = createDepth(10);
  expect(reader.read(1, 10, into)).toBe(false);
  expect(reader.sequence(1)).toBe(-1);
  reader.attach(1, new SlotPublisher(64, 1, 1).buffer);
  expect(reader.read(1, 10, into)).toBe(false);
  expect(reader.sequence(1)).toBe(-1);
});

test("attaching makes dirty, replaces the older buffer and ignores one that is older still", () => {
  const reader = createReader();
  const first = new SlotPublisher(64, 1, 1);
  const second = new SlotPublisher(128, 1, 2);
  publish(first, 1);
  publish(second, 2);
  reader.attach(3, first.buffer);
  expect(dirtyOf(reader)).toEqual([3]);
  expect(reader.arm()).toBe(true);
  reader.attach(3, second.buffer);
  expect(reader.arm()).toBe(false);
  expect(dirtyOf(reader)).toEqual([3]);
  expect(reader.sequence(3)).toBe(2);
  reader.attach(3, first.buffer);
  expect(reader.sequence(3)).toBe(2);
});

test("a slot that may hold less than the book is not read as deeper than it is", () => {
  const reader = createReader();
  const slots = new SlotPublisher(64, 1, 1);
  reader.attach(1, slots.buffer);
  const into = createDepth(100);
  // Lengths vary with the sequence: at 0 the bids fill the slot, at 20 neither side does.
  publish(slots, 0);
  expect(reader.read(1, 64, into)).toBe(true);
  expect(reader.read(1, 65, into)).toBe(false);
  publish(slots, 10);
  expect(reader.read(1, 100, into), "neither side fills the slot: it is the whole book").toBe(true);
  expect(isPattern(into, 100, 64)).toBe(true);
});

test("a copy takes no more than was asked for and leaves no pin", () => {
  const reader = createReader();
  const slots = new SlotPublisher(64, 1, 1);
  reader.attach(1, slots.buffer);
  publish(slots, 100);
  const into = createDepth(5);
  expect(reader.read(1, 5, into)).toBe(true);
  expect(isPattern(into, 5, 64)).toBe(true);
  expect(() => reader.read(1, 6, into)).toThrow("there is room");
  const latestAndPin = (): number[] =>
    [0, 16].map((word) => Atomics.load(new Int32Array(slots.buffer), word));
  expect(latestAndPin()[1]).toBe(0);
  reader.sequence(1);
  expect(latestAndPin()[1]).toBe(0);
});

test("dirty instruments come in rising order, once, over many words", () => {
  const control = BoardControl.create(2, 1000);
  const reader = new DepthBoardReader({ reader: 1, control: control.buffer });
  const buffer = new SlotPublisher(64, 2, 1).buffer;
  const instruments = [1, 31, 32, 33, 63, 64, 500, 999, 1000];
  for (const instrument of instruments.toReversed()) reader.attach(instrument, buffer);
  expect(dirtyOf(reader)).toEqual(instruments);
  expect(dirtyOf(reader)).toEqual([]);
  control.markDirty(1, 999);
  control.markDirty(1, 31);
  control.markDirty(1, 999);
  control.markDirty(0, 500);
  expect(dirtyOf(reader)).toEqual([31, 999]);
  // Not attached: whoever attaches it will find it dirty then.
  control.markDirty(1, 2);
  expect(dirtyOf(reader)).toEqual([]);
  reader.attach(2, buffer);
  expect(dirtyOf(reader)).toEqual([2]);
});

test("a reader that cannot pin gives up, and comes back to it in its next turn", () => {
  const slots = new SlotPublisher(64, 1, 1);
  const reader = createReader();
  // Publishes between each look at the latest slot and the next.
  let overtaken = 0;
  const restore = interceptAtomics((step, perform) => {
    const result = perform();
    const isPinned = step.operation === "store" && step.index === pinWord(0) && step.value !== 0;
    if (isPinned && step.words.buffer === slots.buffer && overtaken > 0) {
      overtaken -= 1;
      publish(slots, overtaken);
    }
    return result;
  });
  onTestFinished(restore);
  reader.attach(1, slots.buffer);
  publish(slots, 1000);
  const into = createDepth(64);
  dirtyOf(reader);
  overtaken = 3;
  expect(reader.read(1, 64, into)).toBe(true);
  expect(into.sequence).toBe(0);
  expect(dirtyOf(reader)).toEqual([]);
  overtaken = 1000;
  expect(reader.read(1, 64, into)).toBe(false);
  expect(overtaken).toBe(900);
  expect(dirtyOf(reader)).toEqual([1]);
  overtaken = 0;
  expect(reader.read(1, 64, into)).toBe(true);
  expect(into.sequence).toBe(900);
});
