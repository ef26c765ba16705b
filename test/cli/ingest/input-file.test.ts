import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { InputFile } from "../../../src/cli/ingest/input-file.ts";
import { readInputLines } from "../../../src/cli/ingest/input-lines.ts";

const text = Array.from({ length: 100_000 }, (_, index) => `${index} ${Math.sin(index)}\n`).join("");

test.each([
  ["a plain file", Buffer.from(text)],
  ["a gzip file", gzipSync(text)],
])("%s tells how much of it was read", async (_name, bytes) => {
  const folder = mkdtempSync(join(tmpdir(), "depthcast-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "input");
  writeFileSync(path, bytes);
  const file = new InputFile(path);
  const seen = [file.read];
  for await (const lines of readInputLines(file)) if (lines.length > 0) seen.push(file.read);
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(1);
  expect(new Set(seen).size).toBeGreaterThan(5);
  expect(seen).toEqual(seen.toSorted((a, b) => a! - b!));
});

test("nobody knows it of standard input", () => {
  expect(new InputFile("-").read).toBeUndefined();
});
