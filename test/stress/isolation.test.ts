import { expect, it } from "vitest";
import { runIsolation } from "../support/isolation.ts";

it("stalled consumers disturb nobody and are cut off (short; the long one is in test/long)", async () => {
  const measured = await runIsolation({ stalled: 40, controlMs: 1500, stallTimeoutMs: 5000 });
  expect(measured.cutOff).toBe(40);
});
