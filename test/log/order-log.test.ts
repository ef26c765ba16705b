import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import { openSqliteLog } from "../../src/runtime/threads/log-worker.ts";
import { eventually } from "../support/eventually.ts";
import { LogTaker, numberedRecord, recordNumber } from "../support/log-taker.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** What every order log does, whatever keeps it. */

const kinds = [
  ["memory", () => Promise.resolve(new MemoryLog({ clock: systemClock, retain: true }))],
  ["SQLite", () => openSqliteLog({ path: join(temporaryFolder(), "depthcast.db") })],
] as const;

describe.each(kinds)("an order log (%s)", (_kind, create) => {
  async function open(): Promise<OrderLog> {
    const log = await create();
    onTestFinished(() => log.close());
    return log;
  }

  const appendMany = (log: OrderLog, from: number, to: number, byteLength?: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, place) => log.append(numberedRecord(from + place, byteLength))),
    );

  async function numbersFrom(log: OrderLog, fromIndex: number): Promise<number[]> {
    const numbers: number[] = [];
    for await (const { record } of log.read(fromIndex)) numbers.push(recordNumber(record));
    return numbers;
  }

  test("is empty to begin with", async () => {
    const log = await open();
    expect([log.startIndex, log.endIndex, log.fault]).toEqual([0, 0, undefined]);
    expect(log.epoch).toBeGreaterThan(0n);
    expect(await numbersFrom(log, 0)).toEqual([]);
  });

  test("gives places in the order of the calls, and delivers in that order", async () => {
    const log = await open();
    const taker = new LogTaker();
    log.subscribe(0, taker);
    expect(await appendMany(log, 0, 300)).toEqual(Array.from({ length: 300 }, (_, place) => place));
    expect(await log.append(numberedRecord(300))).toBe(300);
    expect(log.endIndex).toBe(301);
    await eventually(() => taker.indexes.length === 301);
    expect(taker.records.map(recordNumber)).toEqual(Array.from({ length: 301 }, (_, place) => place));
    expect(taker.indexes).toEqual(taker.records.map(recordNumber));
  });

  test("delivers from any entry on to who comes later, what was there and what comes, without a gap", async () => {
    const log = await open();
    await appendMany(log, 0, 40, 100_000);
    const taker = new LogTaker();
    log.subscribe(7, taker);
    await appendMany(log, 40, 60, 100_000);
    await eventually(() => taker.indexes.length === 53);
    expect(taker.records.map(recordNumber)).toEqual(Array.from({ length: 53 }, (_, place) => place + 7));
    expect(Math.max(...taker.turns)).toBeLessThan(10);
  });

  test("delivers nothing more while its consumer is at work, nor after a cancel", async () => {
    const log = await open();
    const taker = new LogTaker(true);
    const subscription = log.subscribe(0, taker);
    await log.append(numberedRecord(0));
    await eventually(() => taker.indexes.length === 1);
    await appendMany(log, 1, 3);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(taker.indexes).toEqual([0]);
    taker.release?.();
    await eventually(() => taker.indexes.length === 3);
    subscription.cancel();
    taker.release?.();
    await log.append(numberedRecord(3));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(taker.indexes).toEqual([0, 1, 2]);
  });

  test("reads from any entry that is kept, up to the end at the time of the call", async () => {
    const log = await open();
    await appendMany(log, 0, 30, 50_000);
    const reading = log.read(3)[Symbol.asyncIterator]();
    const first = await reading.next();
    await log.append(numberedRecord(30));
    const rest: number[] = [];
    for (let step = await reading.next(); step.done !== true; step = await reading.next()) {
      rest.push(step.value.index);
    }
    expect(first.value?.index).toBe(3);
    expect(rest).toEqual(Array.from({ length: 26 }, (_, place) => place + 4));
  });

  test("forgets what it is told to, and nothing else", async () => {
    const log = await open();
    await appendMany(log, 0, 2500);
    await log.truncate(2100);
    expect([log.startIndex, log.endIndex]).toEqual([2100, 2500]);
    expect(await numbersFrom(log, 2100)).toEqual(Array.from({ length: 400 }, (_, place) => 2100 + place));
    await expect(numbersFrom(log, 2099)).rejects.toThrow(
      "log entry 2099 is not kept: entries from 2100 on are",
    );
    await log.truncate(50);
    expect(log.startIndex).toBe(2100);
    await log.truncate(2500);
    expect([log.startIndex, log.endIndex]).toEqual([2500, 2500]);
    expect(await log.append(numberedRecord(2500))).toBe(2500);
    expect(await numbersFrom(log, 2500)).toEqual([2500]);
  });

  test("forgets nothing that a subscriber has not consumed", async () => {
    const log = await open();
    const taker = new LogTaker(true);
    log.subscribe(0, taker);
    await appendMany(log, 0, 3);
    await eventually(() => taker.indexes.length > 0);
    await expect((async () => log.truncate(3))()).rejects.toThrow("invariant");
    for (let i = 0; i < 3; i++) {
      taker.release?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test("delivers what it has before it is closed, and takes nothing after", async () => {
    const log = await open();
    const taker = new LogTaker();
    log.subscribe(0, taker);
    const appended = appendMany(log, 0, 5, 300_000);
    await log.close();
    await appended;
    expect(taker.indexes).toEqual([0, 1, 2, 3, 4]);
    await expect(log.append(numberedRecord(5))).rejects.toThrow("the order log is closed");
  });
});
