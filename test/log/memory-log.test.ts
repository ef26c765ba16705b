import { describe, expect, it } from "vitest";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { LogTaker } from "../support/log-taker.ts";
import { ManualClock } from "../support/manual-clock.ts";

const clock = new ManualClock();
const bytes = (length: number) => new ArrayBuffer(length);

describe("MemoryLog", () => {
  it("delivers every entry in order, what came together in one turn", async () => {
    const log = new MemoryLog({ clock });
    const taker = new LogTaker();
    expect(await log.append(bytes(1))).toBe(0);
    log.subscribe(0, taker);
    expect(await log.append(bytes(1))).toBe(1);
    await clock.settle();
    expect(taker.turns).toEqual([2]);
    expect(await log.append(bytes(1))).toBe(2);
    await clock.settle();
    expect(taker.indexes).toEqual([0, 1, 2]);
  });

  it("cuts a backlog into turns", async () => {
    const log = new MemoryLog({ clock });
    const taker = new LogTaker();
    for (let i = 0; i < 4; i++) await log.append(bytes(400_000));
    log.subscribe(0, taker);
    await clock.settle();
    expect(taker.turns).toEqual([2, 2]);
  });

  it("forgets what all subscribers have consumed", async () => {
    const log = new MemoryLog({ clock });
    const [fast, slow] = [new LogTaker(), new LogTaker(true)];
    log.subscribe(0, fast);
    log.subscribe(0, slow);
    for (let i = 0; i < 10; i++) await log.append(bytes(1));
    await clock.settle();
    expect([log.startIndex, log.endIndex]).toEqual([0, 10]);
    slow.release?.();
    await clock.settle();
    expect([log.startIndex, log.endIndex]).toEqual([10, 10]);
  });
});
