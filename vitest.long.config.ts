import { shareCompileCache } from "./test/support/compile-cache.ts";
import { defineConfig } from "vitest/config";

shareCompileCache();

// What takes minutes: `npm run test:long`, run by .ci/run.
export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    testTimeout: 240_000,
    // They measure memory and delays, so one at a time.
    fileParallelism: false,
  },
});
