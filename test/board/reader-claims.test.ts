import { beforeEach, describe, expect, it } from "vitest";
import { ReaderClaims } from "../../src/board/reader-claims.ts";
import { ManualClock } from "../support/manual-clock.ts";

let clock: ManualClock;
let asked: string[];
let levelsLeft: number;
let claims: ReaderClaims;

beforeEach(() => {
  clock = new ManualClock();
  asked = [];
  levelsLeft = 4096;
  claims = new ReaderClaims(clock, {
    claim(instrument, levels) {
      asked.push(`claim ${instrument} ${levels}`);
      if (levels > levelsLeft) return Promise.resolve(false);
      levelsLeft -= levels;
      return Promise.resolve(true);
    },
    release(instrument, levels) {
      asked.push(`release ${instrument} ${levels}`);
      levelsLeft += levels;
    },
  });
});

describe("ReaderClaims", () => {
  it("asks for nothing that every slot holds", async () => {
    expect(await claims.claim(1, 64)).toBe(true);
    claims.release(1, 64);
    expect(asked).toEqual([]);
  });

  it("claims once for all who share a capacity", async () => {
    expect(await Promise.all([claims.claim(1, 65), claims.claim(1, 100), claims.claim(1, 128)])).toEqual([
      true,
      true,
      true,
    ]);
    expect(await claims.claim(1, 129)).toBe(true);
    expect(asked).toEqual(["claim 1 128", "claim 1 256"]);
  });

  it("gives back what nobody has used for a while", async () => {
    await claims.claim(1, 1000);
    await claims.claim(1, 1000);
    claims.release(1, 1000);
    clock.advance(20_000);
    claims.release(1, 1000);
    clock.advance(9999);
    expect(asked).toEqual(["claim 1 1024"]);
    clock.advance(1);
    expect(asked).toEqual(["claim 1 1024", "release 1 1024"]);
    expect(clock.waiting).toBe(0);
  });

  it("keeps what is used again in time", async () => {
    await claims.claim(1, 1000);
    claims.release(1, 1000);
    clock.advance(5000);
    await claims.claim(1, 1000);
    clock.advance(60_000);
    expect(asked).toEqual(["claim 1 1024"]);
  });

  it("over the budget gives up first what only lingers, then refuses", async () => {
    await claims.claim(1, 2000);
    await claims.claim(2, 2000);
    claims.release(2, 2000);
    expect(await claims.claim(3, 2000)).toBe(true);
    expect(await claims.claim(4, 2000)).toBe(false);
    levelsLeft += 2048;
    expect(await claims.claim(4, 2000)).toBe(true);
  });

  it("refuses nobody who asked together with one that made room", async () => {
    await claims.claim(1, 4000);
    claims.release(1, 4000);
    expect(await Promise.all([claims.claim(2, 2000), claims.claim(2, 2000)])).toEqual([true, true]);
    expect(await Promise.all([claims.claim(3, 4000), claims.claim(3, 4000)])).toEqual([false, false]);
  });

  it("asks anew after a claim that was not answered", async () => {
    const answers = [Promise.reject(new Error("thread gone")), Promise.resolve(true)];
    claims = new ReaderClaims(clock, { claim: () => answers.shift()!, release() {} });
    await expect(claims.claim(1, 100)).rejects.toThrow("thread gone");
    expect(await claims.claim(1, 100)).toBe(true);
  });

  it("sets no timer after it was stopped", async () => {
    await claims.claim(1, 1000);
    claims.stop();
    claims.release(1, 1000);
    expect(clock.waiting).toBe(0);
  });
});
