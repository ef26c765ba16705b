import { describe, expect, it } from "vitest";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { LogEntry } from "../../src/log/order-log.ts";
import { ManualClock } from "../support/manual-clock.ts";

const clock = new ManualClock();
const bytes = (length: number) => new ArrayBuffer(length);

/** Takes what comes and, where told to, holds the log until released. */
class Taker {
  readonly indexes: number[] = [];
  readonly turns: number[] = [];
  release: (() => void) | undefined;
  readonly #holds: boolean;

  constructor(holds = false) {
    this.#holds = holds;
  }

  consume(entries: readonly LogEntry[]): void | Promise<void> {
    this.turns.push(entries.length);
    this.indexes.push(...entries.map(({ index }) => index));
    if (this.#holds) return new Promise((resolve) => (this.release = resolve));
    return undefined;
  }
}

describe("MemoryLog", () => {
  it("delivers every entry in order, what came together in one turn", async () => {
    const log = new MemoryLog({ clock });
    const taker = new Taker();
    expect(await log.append(bytes(1))).toBe(0);
    log.subscribe(0, taker);
    expect(await log.append(bytes(1))).toBe(1);
    await clock.settle();
    expect(taker.turns).toEqual([2]);
    expect(await log.append(bytes(1))).toBe(2);
    await clock.settle();
    expect(taker.indexes).toEqual([0, 1, 2]);
  });

  it("delivers nothing more while its consumer is at work", async () => {
    const log = new MemoryLog({ clock });
    const taker = new Taker(true);
    log.subscribe(0, taker);
    await log.append(bytes(1));
    await clock.settle();
    await log.append(bytes(1));
    await clock.settle();
    expect(taker.indexes).toEqual([0]);
    taker.release?.();
    await clock.settle();
    expect(taker.indexes).toEqual([0, 1]);
  });

  it("cuts a backlog into turns", async () => {
    const log = new MemoryLog({ clock });
    const taker = new Taker();
    for (let i = 0; i < 4; i++) await log.append(bytes(400_000));
    log.subscribe(0, taker);
    await clock.settle();
    expect(taker.turns).toEqual([2, 2]);
  });

  it("forgets what all subscribers have consumed", async () => {
    const log = new MemoryLog({ clock });
    const [fast, slow] = [new Taker(), new Taker(true)];
    log.subscribe(0, fast);
    log.subscribe(0, slow);
    for (let i = 0; i < 10; i++) await log.append(bytes(1));
    await clock.settle();
    expect([log.startIndex, log.endIndex]).toEqual([0, 10]);
    slow.release?.();
    await clock.settle();
    expect([log.startIndex, log.endIndex]).toEqual([10, 10]);
  });

  it("keeps everything for a replay where told to, until it is truncated", async () => {
    const log = new MemoryLog({ clock, retain: true });
    log.subscribe(0, new Taker());
    for (let i = 0; i < 5; i++) await log.append(bytes(1));
    await clock.settle();
    const replayed: number[] = [];
    for await (const { index } of log.read(2)) replayed.push(index);
    expect(replayed).toEqual([2, 3, 4]);
    await log.truncate(3);
    expect(log.startIndex).toBe(3);
    await expect(async () => {
      for await (const entry of log.read(2)) void entry;
    }).rejects.toThrow("log entry 2 is not kept: entries from 3 on are");
  });

  it("delivers what it has before it is closed, and takes nothing after", async () => {
    const log = new MemoryLog({ clock });
    const taker = new Taker();
    log.subscribe(0, taker);
    for (let i = 0; i < 3; i++) await log.append(bytes(400_000));
    await log.close();
    expect(taker.indexes).toEqual([0, 1, 2]);
    await expect(log.append(bytes(1))).rejects.toThrow("the order log is closed");
  });
});
