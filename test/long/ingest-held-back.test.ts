import { expect, it } from "vitest";
import { runHeldIngest } from "../support/held-ingest.ts";

it("1 GB pushed at a slow log: the server stays small and nothing is lost", async () => {
  const measured = await runHeldIngest({
    totalBytes: 1_000_000_000,
    logBytesPerSecond: 60_000_000,
    streams: 4,
  });
  process.stdout.write(`ingest held back: ${JSON.stringify(measured)}\n`);
  expect(measured.sentBytes).toBeGreaterThanOrEqual(1_000_000_000);
  expect(measured.heldMB).toBeLessThan(30);
  expect(measured.rssMB).toBeLessThan(200);
});
