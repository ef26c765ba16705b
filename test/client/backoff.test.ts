import { describe, expect, test } from "vitest";
import { Backoff, type BackoffOptions } from "../../src/client/backoff.ts";
import { ManualClock } from "../support/manual-clock.ts";

const HIGHEST = 1 - Number.EPSILON;

function start(options: BackoffOptions, random: () => number = () => HIGHEST) {
  const clock = new ManualClock();
  return { clock, backoff: new Backoff(options, clock, random) };
}

function delays(backoff: Backoff, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => {
    const delayMs = backoff.next();
    return delayMs === undefined ? undefined : Math.round(delayMs);
  });
}

describe("backoff", () => {
  test("the bound of a wait doubles up to the longest", () => {
    const { backoff } = start({ firstDelayMs: 100, delayMaxMs: 1000 });
    expect(delays(backoff, 6)).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoff.attempts).toBe(6);
  });

  test("a wait is anything from nothing to its bound", () => {
    const drawn = [0, 0.5, 0.25];
    const { backoff } = start({ firstDelayMs: 100, delayMaxMs: 1000 }, () => drawn.shift() ?? 0);
    expect(delays(backoff, 3)).toEqual([0, 100, 100]);
  });

  test("so many attempts in a row are made, and no more", () => {
    const { backoff } = start({ attemptsMax: 2, firstDelayMs: 1 });
    expect(delays(backoff, 3)).toEqual([1, 2, undefined]);
    backoff.succeeded();
    expect(delays(backoff, 1)).toEqual([1]);
  });

  test("no wait ends after the time to give up, counted from the first failure of a row", () => {
    const { backoff, clock } = start({ firstDelayMs: 1000, delayMaxMs: 1000, giveUpAfterMs: 1500 });
    clock.advance(10_000);
    expect(delays(backoff, 1)).toEqual([1000]);
    clock.advance(1000);
    expect(delays(backoff, 1)).toEqual([500]);
    clock.advance(500);
    expect(delays(backoff, 1)).toEqual([undefined]);
  });

  test("what lasted for the longest wait counts as a success, what broke sooner does not", () => {
    const { backoff } = start({ firstDelayMs: 100, delayMaxMs: 1000 });
    delays(backoff, 3);
    backoff.lasted(999);
    expect(backoff.attempts).toBe(3);
    backoff.lasted(1000);
    expect(delays(backoff, 1)).toEqual([100]);
  });
});
