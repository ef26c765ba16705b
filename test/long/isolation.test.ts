import { expect, it } from "vitest";
import { runIsolation } from "../support/isolation.ts";

it("200 consumers stalled for 60 s disturb nobody and are cut off", async () => {
  const measured = await runIsolation({ stalled: 200, controlMs: 10_000, stallTimeoutMs: 60_000 });
  process.stdout.write(`isolation: ${JSON.stringify(measured)}\n`);
  expect(measured.cutOff).toBe(200);
});
