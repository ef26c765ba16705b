import { expect, test } from "vitest";
import { barText } from "../../../src/cli/ingest/progress-line.ts";

test.each([
  [0, `[${" ".repeat(24)}]   0 % read  `],
  [0.5, `[${"█".repeat(12)}${" ".repeat(12)}]  50 % read  `],
  [0.999, `[${"█".repeat(23)} ]  99 % read  `],
  // A file that grows while it is read.
  [1.5, `[${"█".repeat(24)}] 100 % read  `],
  [undefined, ""],
])("%s of the input", (done, text) => {
  expect(barText(done)).toBe(text);
});
