import { expect, onTestFinished, test } from "vitest";
import { pinWord, SlotWord } from "../../src/board/slot-buffer.ts";
import { SlotPublisher } from "../../src/board/slot-publisher.ts";
import { SlotReader } from "../../src/board/slot-reader.ts";
import { interceptAtomics } from "../support/atomic-steps.ts";

function publish(slots: SlotPublisher): number {
  slots.publish(() => undefined);
  return Atomics.load(new Int32Array(slots.buffer), SlotWord.latest);
}

test("the same two slots are written in turn, as long as no pin is in the way", () => {
  const slots = new SlotPublisher(64, 3, 1);
  expect([1, 2, 3, 4].map(() => publish(slots))).toEqual([1, 2, 1, 2]);
});

test("a slot that a pin names is passed over until the pin is gone", () => {
  const slots = new SlotPublisher(64, 2, 1);
  const readers = [new SlotReader(slots.buffer, 0), new SlotReader(slots.buffer, 1)];
  publish(slots);
  readers[0]!.setPin(1);
  readers[1]!.setPin(2);
  expect([1, 2, 3].map(() => publish(slots))).toEqual([3, 4, 3]);
  readers[0]!.setPin(0);
  expect(publish(slots)).toBe(1);
});

test("a reader that moves its pin while the writer looks for a slot does not use up two", () => {
  const slots = new SlotPublisher(64, 1, 1);
  const reader = new SlotReader(slots.buffer, 0);
  publish(slots);
  publish(slots);
  reader.setPin(1);
  expect(publish(slots)).toBe(3);
  // It had loaded the latest when that was 2, and gets around to its pin only now.
  const restore = interceptAtomics((step, perform) => {
    const result = perform();
    if (step.operation === "load" && step.index === pinWord(0)) reader.setPin(2);
    return result;
  });
  onTestFinished(restore);
  expect(publish(slots)).toBe(2);
});
