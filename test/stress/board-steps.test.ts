import { describe, expect, test } from "vitest";
import { runStepping } from "../support/board-steps.ts";
import { withSeed } from "../support/random.ts";

/** A copy is torn in one of some few; each reader stops at its first. */
const COPIES_TO_TEAR_MAX = 3000;

describe("a writer and two readers that pause between their steps", () => {
  test("no copy is torn and no sequence goes back, though the writer goes on in the middle of each", () =>
    withSeed(async ({ seed }) => {
      for (const { copies, torn, backwards, wentBack, overtaken } of await runStepping({
        seed,
        copies: 600,
      })) {
        expect({ copies, torn, backwards }).toEqual({ copies: 600, torn: 0, backwards: 0 });
        expect(wentBack).toBeGreaterThan(100);
        expect(overtaken).toBeGreaterThan(500);
      }
    }));

  test.each(["R2 left out", "R3 left out"] as const)("with %s, both find a torn copy", (mistake) =>
    withSeed(async ({ seed }) => {
      const found = await runStepping({ seed, copies: COPIES_TO_TEAR_MAX, mistake });
      expect(found.map(({ torn }) => torn)).toEqual([1, 1]);
    }),
  );
});
