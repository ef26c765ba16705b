import { defineConfig } from "vitest/config";

// A real Chromium: `npm run test:browser`, run by .ci/run. CHROMIUM names the browser, if not /usr/bin/chromium.
export default defineConfig({
  test: {
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 120_000,
    fileParallelism: false,
  },
});
