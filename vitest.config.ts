import { shareCompileCache } from "./test/support/compile-cache.ts";
import { defineConfig } from "vitest/config";

shareCompileCache();

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Long, browser and real-data tests have scripts of their own; .ci/run runs all of them.
    exclude: ["test/real-data/**", "test/long/**", "test/browser/**", "**/node_modules/**"],
    testTimeout: 30_000,
  },
});
