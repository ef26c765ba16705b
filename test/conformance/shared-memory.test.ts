import { readFileSync, readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));

/** Lines of `source` that do something with shared memory: naming its type is no such thing. */
function sharedMemoryUses(source: string): string[] {
  return source
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .split("\n")
    .map((line) => line.replace(/\/\/.*$/, ""))
    .filter((line) => /\bAtomics\b|new\s+SharedArrayBuffer\b|shared:\s*true/.test(line));
}

test("shared memory is made and touched in src/board alone, where its protocol is argued for", () => {
  const offenders: string[] = [];
  for (const entry of readdirSync(SOURCES, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const place = relative(SOURCES, path);
    if (!entry.isFile() || !place.endsWith(".ts") || place.startsWith(`board${sep}`)) continue;
    for (const line of sharedMemoryUses(readFileSync(path, "utf8")))
      offenders.push(`${place}: ${line.trim()}`);
  }
  expect(offenders).toEqual([]);
});

test("the search finds uses in code and passes by words in comments and types", () => {
  const source = `
    // Atomics.load(words, 0)
    /** new SharedArrayBuffer(8) */
    announce: (buffer: SharedArrayBuffer) => void;
    Atomics.store(words, 0, 1);
    const buffer = new SharedArrayBuffer(8);
  `;
  expect(sharedMemoryUses(source).map((line) => line.trim())).toEqual([
    "Atomics.store(words, 0, 1);",
    "const buffer = new SharedArrayBuffer(8);",
  ]);
});
