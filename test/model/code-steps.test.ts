import { expect, onTestFinished, test } from "vitest";
import { BoardControl } from "../../src/board/board-control.ts";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";
import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import { DepthFeed } from "../../src/board/depth-feed.ts";
import { pinWord, SlotHeader, SlotWord, slotOffsets } from "../../src/board/slot-buffer.ts";
import { SlotPublisher } from "../../src/board/slot-publisher.ts";
import { createDepth, type Depth } from "../../src/book/depth.ts";
import type { Clock } from "../../src/clock.ts";
import { type AtomicStep, interceptAtomics } from "../support/atomic-steps.ts";
import { ManualClock } from "../support/manual-clock.ts";

/**
 * The models are worth what they have in common with the code. Here the code is watched taking its steps: they
 * are those of the models, in that order, and there are no others.
 */

const READERS = 3;
const LINE_WORDS = 16;

/** Notes each step that `run` takes, beside those that it notes itself. */
function stepsOf(
  control: SharedArrayBuffer | undefined,
  run: (note: (step: string) => void) => void,
): string[] {
  const steps: string[] = [];
  const restore = interceptAtomics((step, perform) => {
    const isOfBoard = step.words instanceof Int32Array;
    const result = perform();
    if (isOfBoard) steps.push(step.words.buffer === control ? bellStep(step) : slotStep(step));
    return result;
  });
  onTestFinished(restore);
  run((step) => steps.push(step));
  restore();
  return steps;
}

function slotStep({ operation, index, value }: AtomicStep): string {
  if (index === SlotWord.latest) return operation === "store" ? `W3 store ${value}` : "load latest";
  const reader = Array.from({ length: READERS }, (_, number) => pinWord(number)).indexOf(index);
  if (operation === "load") return `W1 load pin ${reader}`;
  return value === 0 ? `R5 clear pin ${reader}` : `R2 store pin ${reader} = ${value}`;
}

/** For boards with so few instruments that a reader has a line for its bell and one for its bits. */
function bellStep({ operation, index, value }: AtomicStep): string {
  const line = index / LINE_WORDS - 1;
  const word = line % 2 === 0 ? "bell" : "bits";
  return `${operation} ${word} ${Math.floor(line / 2)}${value === undefined ? "" : ` ${value}`}`;
}

test("a publication is W1 with one load of each pin, W2, W3", () => {
  const slots = new SlotPublisher(64, READERS, 1);
  const publish = (): string[] =>
    stepsOf(undefined, (note) => {
      slots.publish((slot) => {
        slot.sequence += 7;
        note("W2 fill");
      });
    });
  const w1 = ["W1 load pin 0", "W1 load pin 1", "W1 load pin 2"];
  expect(publish()).toEqual([...w1, "W2 fill", "W3 store 1"]);
  expect(publish()).toEqual([...w1, "W2 fill", "W3 store 2"]);
  expect(publish()).toEqual([...w1, "W2 fill", "W3 store 1"]);
});

test("all of a slot is written before W3", () => {
  const slots = new SlotPublisher(64, READERS, 1);
  const numbers = new Float64Array(slots.buffer);
  const header = slotOffsets(1, 64, READERS).header / 8;
  const atStore: number[] = [];
  const restore = interceptAtomics((step, perform) => {
    if (step.operation === "store") atStore.push(...numbers.slice(header, header + 6));
    return perform();
  });
  onTestFinished(restore);
  slots.publish((slot) => {
    slot.sequence = 11;
    slot.state = 2;
    slot.sourceTimeLow = 12;
    slot.sourceTimeHigh = 13;
    slot.bids.length = 14;
    slot.asks.length = 15;
  });
  expect(Object.keys(SlotHeader)).toHaveLength(6);
  expect(atStore).toEqual([11, 2, 12, 13, 14, 15]);
});

test("a read is R1, R2, R3, R4, R5, and everything is copied between R3 and R5", () => {
  const { reader, slots } = attachedReader();
  const steps = stepsOf(undefined, (note) => {
    expect(reader.read(1, 1, notingDepth(note))).toBe(true);
  });
  const copied = ["sequence", "state", "time", "length", "length", "level", "level"];
  expect(steps).toEqual([...pinning(1), ...copied.map((part) => `R4 copy ${part}`), "R5 clear pin 1"]);
  expect(stepsOf(undefined, () => void reader.sequence(1))).toEqual([...pinning(1), "R5 clear pin 1"]);
  expect(slots.capacity).toBe(64);
});

test("a read that is overtaken between R1 and R3 goes back to R1", () => {
  const { reader, slots } = attachedReader();
  let overtaken = 2;
  const steps: string[] = [];
  const restore = interceptAtomics((step, perform) => {
    const result = perform();
    if (step.operation === "store" && step.index === pinWord(1) && overtaken > 0) {
      overtaken -= 1;
      slots.publish(() => undefined);
    }
    if (step.index === SlotWord.latest || step.index === pinWord(1)) steps.push(slotStep(step));
    return result;
  });
  onTestFinished(restore);
  expect(reader.read(1, 1, createDepth(1))).toBe(true);
  restore();
  expect(steps.filter((step) => !step.startsWith("W"))).toEqual([
    ...pinning(1),
    ...pinning(2),
    ...pinning(1),
    "R5 clear pin 1",
  ]);
});

test("a turn of the writer is W3, W4 for each reader, then W5 and W6 for each", () => {
  const writer = new DepthBoardWriter({
    readers: 2,
    instrumentsMax: 10,
    bytesMax: 1024 * 1024,
    announce: () => undefined,
    ring: (reader) => steps.push(`W6 ring ${reader}`),
  });
  const steps: string[] = [];
  writer.define(1);
  const control = new BoardControl(writer.control);
  for (const reader of [0, 1]) control.takeDirty(reader, 1, () => undefined);
  control.arm(1);
  const restore = interceptAtomics((step, perform) => {
    if (step.words.buffer === writer.control) steps.push(bellStep(step));
    else if (step.operation === "store") steps.push("W3 store latest");
    return perform();
  });
  onTestFinished(restore);
  writer.publish(1, () => undefined);
  writer.publish(1, () => undefined);
  writer.endTurn();
  writer.endTurn();
  restore();
  expect(steps).toEqual([
    "W3 store latest",
    "load bits 0",
    "or bits 0 2",
    "load bits 1",
    "or bits 1 2",
    "W3 store latest",
    "load bits 0",
    "load bits 1",
    "load bell 0",
    "load bell 1",
    "compareExchange bell 1 2",
    "W6 ring 1",
  ]);
});

test("a reader's turns are T1, T2, T3, T4, and T5 where there is more; a ring is T6 and a turn", () => {
  const control = BoardControl.create(1, 10);
  const slots = new SlotPublisher(64, 1, 1);
  slots.publish(() => undefined);
  const deferred: (() => void)[] = [];
  const clock: Clock = Object.assign(new ManualClock(), { defer: (task: () => void) => deferred.push(task) });
  const requests = { claim: () => Promise.resolve(true), release: () => undefined };
  const feed = new DepthFeed({ reader: 0, control: control.buffer, clock, requests });
  let isPublishing = true;
  const arm = "compareExchange bell 0 1";
  const disarm = "compareExchange bell 0 0";
  const setBit = ["load bits 0", "or bits 0 2"];
  const turn = ["load bits 0", "exchange bits 0 0", "T2 read", "end of turn"];

  const attach = stepsOf(control.buffer, (note) => {
    feed.listen({
      changed: () => note("T2 read"),
      woken() {
        note("end of turn");
        if (isPublishing) control.markDirty(0, 1);
        isPublishing = false;
      },
    });
    feed.attach(1, slots.buffer);
    deferred.shift()!();
  });
  expect(attach).toEqual([...setBit, ...turn, ...setBit, arm, "load bits 0", disarm]);
  expect(deferred).toHaveLength(1);
  expect(stepsOf(control.buffer, () => deferred.shift()!())).toEqual([
    "load bits 0",
    "exchange bits 0 0",
    arm,
    "load bits 0",
  ]);
  expect(deferred, "it sleeps").toHaveLength(0);
  expect(stepsOf(control.buffer, () => feed.ring())).toEqual(["store bell 0 0"]);
  expect(deferred).toHaveLength(1);
});

function pinning(slot: number): string[] {
  return ["load latest", `R2 store pin 1 = ${slot}`, "load latest"];
}

function attachedReader(): { reader: DepthBoardReader; slots: SlotPublisher } {
  const slots = new SlotPublisher(64, READERS, 1);
  const reader = new DepthBoardReader({ reader: 1, control: BoardControl.create(READERS, 10).buffer });
  slots.publish((slot) => {
    slot.bids.length = 1;
    slot.asks.length = 1;
  });
  reader.attach(1, slots.buffer);
  return { reader, slots };
}

/** Tells each part as it is written. The order counts are the last of each side. */
function notingDepth(note: (step: string) => void): Depth {
  const noting = (part: string): PropertyDescriptor => ({
    set() {
      note(`R4 copy ${part}`);
    },
  });
  const side = (): Depth["bids"] => ({
    price: new Float64Array(1),
    quantity: new Float64Array(1),
    orderCount: Object.defineProperty({}, 0, noting("level")) as Uint32Array,
    get length() {
      return 1;
    },
    set length(_: number) {
      note("R4 copy length");
    },
  });
  return Object.defineProperties({ bids: side(), asks: side(), sourceTimeLow: 0 } as Depth, {
    sequence: noting("sequence"),
    state: noting("state"),
    sourceTimeHigh: noting("time"),
  });
}
