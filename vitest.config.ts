import { shareCompileCache } from "./test/support/compile-cache.ts";
import { defineConfig } from "vitest/config";

shareCompileCache();

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Long, browser and real-data tests have scripts of their own; .ci/run runs all of them.
    exclude: ["test/real-data/**", "test/long/**", "test/browser/**", "**/node_modules/**"],
    testTimeout: 30_000,
    // They wait for sockets and processes more than they compute: 90 s instead of 160 s on 2 cores.
    maxWorkers: 4,
  },
});
