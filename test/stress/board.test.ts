import { expect, test } from "vitest";
import { countCopies, expectSound, runBoards } from "../support/board-stress.ts";

test("a writer at full speed and three readers: no copy is torn, no sequence goes back", async () => {
  const found = await runBoards({
    writers: 1,
    readers: 3,
    copiesMin: 300_000,
    durationMinMs: 1000,
    deadlineMs: 25_000,
  });
  expect(countCopies("1 writer, 3 readers", found)).toBeGreaterThanOrEqual(900_000);
  expectSound(found);
});

test("the same with two writers, each with a board of its own", async () => {
  const found = await runBoards({
    writers: 2,
    readers: 2,
    copiesMin: 50_000,
    durationMinMs: 500,
    deadlineMs: 25_000,
  });
  countCopies("2 writers, 2 readers", found);
  expectSound(found);
});
