import { shareCompileCache } from "./test/support/compile-cache.ts";
import { defineConfig } from "vitest/config";

shareCompileCache();

// Replays of real market data: `npm run test:real`, run by .ci/run.
export default defineConfig({
  test: {
    include: ["test/real-data/**/*.test.ts"],
    globalSetup: ["test/real-data/require-data.ts"],
    testTimeout: 120_000,
  },
});
