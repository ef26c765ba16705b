import { expect, test } from "vitest";
import { countCopies, expectSound, runBoards } from "../support/board-stress.ts";

test.each([
  { writers: 1, readers: 3, copiesMin: 3_500_000 },
  { writers: 2, readers: 3, copiesMin: 1_000_000 },
])(
  "$writers writing and $readers reading threads at full speed for 20 s",
  async ({ writers, readers, copiesMin }) => {
    const found = await runBoards({
      writers,
      readers,
      copiesMin,
      durationMinMs: 20_000,
      deadlineMs: 200_000,
    });
    const copies = countCopies(`${writers} writers, ${readers} readers`, found);
    expect(copies).toBeGreaterThanOrEqual(readers * copiesMin);
    expectSound(found);
  },
);
