import { expect, it } from "vitest";
import { runHeldIngest } from "../support/held-ingest.ts";

it("producers faster than the log are held back (short; 1 GB is in test/long)", async () => {
  const totalBytes = 60_000_000;
  const logBytesPerSecond = 25_000_000;
  const measured = await runHeldIngest({ totalBytes, logBytesPerSecond, streams: 4 });
  // What is not read yet stays in the producers' windows and sockets. Without a bound it would all be here.
  expect(measured.heldMB).toBeLessThan(30);
  expect(measured.seconds).toBeGreaterThan((totalBytes / logBytesPerSecond) * 0.9);
});
