import { readFileSync, readdirSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/**
 * Shared memory is made and touched in src/board alone, where its protocol is argued for. Others may hand on what
 * they have from it, and may name the type where they do; the engine fills the slot that it is given, while it
 * is given it. What a search can find is searched for in the code without its types, comments included: so the
 * words stand nowhere else, and nothing can hide in what a search takes for a comment or a text.
 */

const SOURCES = fileURLToPath(new URL("../../src/", import.meta.url));

/** Whatever makes shared memory, works on it, or comes by the means to do so without naming them. */
const MEANS =
  /\b(?:Atomics|SharedArrayBuffer|WebAssembly|eval)\b|\bnew\s+Function\b|\bglobalThis\b(?!\s*\.)|\bReflect\.(?:construct|get)\b/;
/** Types that would take shared memory for any other. */
const WIDE_TYPES = /\b(?:ArrayBufferLike|AllowSharedBufferSource)\b/;
/** Looks into a buffer. */
const VIEWS = /\bnew\s+(?:\w+\.)?(?:\w+Array|DataView|Buffer)\b|\bBuffer\s*\.\s*from\b/;
/** Where shared memory is handed on, so where no view is made of anything. */
const HANDS_ON = /^runtime\//;
const TYPE = /\bSharedArrayBuffer\b/;
const IMPORTS_BOARD = /\bfrom\s+"(?:\.\.\/)+board\//;
/** A slot as the parameter of what fills it; and its import. */
const SLOT_AS_PARAMETER = /\(slot: DepthSlot\)|^import type \{[^}]*\} from "[^"]*";$/gm;

/** `place` is the path under src, with slashes. */
function offences(place: string, source: string): string[] {
  if (place.startsWith("board/") || place.startsWith("protocol/gen/")) return [];
  const found: string[] = [];
  const search = (text: string, pattern: RegExp, why: string): void => {
    for (const line of text.split("\n")) if (pattern.test(line)) found.push(`${why}: ${line.trim()}`);
  };
  const code = stripTypeScriptTypes(source);
  search(code, MEANS, "shared memory is touched");
  search(source, WIDE_TYPES, "a type that shared memory would pass for");
  if (!HANDS_ON.test(place)) search(source, TYPE, "only src/runtime hands shared memory on");
  if (HANDS_ON.test(place) || IMPORTS_BOARD.test(source))
    search(code, VIEWS, "a view where memory is handed on");
  search(source.replaceAll(SLOT_AS_PARAMETER, ""), /\bDepthSlot\b/, "a slot is kept");
  return found;
}

test("shared memory is made and touched in src/board alone", () => {
  const found: string[] = [];
  let files = 0;
  for (const entry of readdirSync(SOURCES, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.[cm]?[jt]sx?$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const place = relative(SOURCES, path).split(sep).join("/");
    files += 1;
    for (const offence of offences(place, readFileSync(path, "utf8"))) found.push(`${place}: ${offence}`);
  }
  expect(files).toBeGreaterThan(50);
  expect(found).toEqual([]);
});

describe("the search", () => {
  test.each<[string, string]>([
    ["an operation", "Atomics.store(words, 0, 1);"],
    ["a part of it", "const { load } = Atomics;"],
    ["by another name", "const a = globalThis['Ato' + 'mics'];"],
    ["by the global object in disguise", "const all = globalThis as unknown as Record<string, unknown>;"],
    ["by reflection", "const a = Reflect.get(globalThis, name);"],
    ["after a text that looks like a comment", 'const glob = "/*"; Atomics.load(words, 0); /* */'],
    ["after an address", 'const home = "http://x"; Atomics.load(words, 0);'],
    ["within a text", "const text = `${Atomics.load(words, 0)}`;"],
    ["made", "const memory = new SharedArrayBuffer(8);"],
    ["made by a name of its own", "const Memory = SharedArrayBuffer;"],
    ["made in a choice", "const Memory = plain ? ArrayBuffer : SharedArrayBuffer;"],
    ["handed to something that makes it", "const makers = { memory: SharedArrayBuffer };"],
    ["made for WebAssembly", "new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });"],
    ["looked at", "function peek(memory: SharedArrayBuffer) {\n return new Int32Array(memory);\n}"],
    ["looked at as bytes", "const peek = (memory: SharedArrayBuffer) => Buffer.from(memory);"],
    ["looked at, its type not named", "server.announce = (_, buffer) => new Float64Array(buffer);"],
    ["taken for any memory", "function peek(memory: ArrayBufferLike): void {}"],
    ["a slot that is kept", "let kept: DepthSlot | undefined;"],
  ])("finds %s", (_, source) => {
    expect(offences("runtime/server.ts", source)).not.toEqual([]);
  });

  test("knows where memory may be handed on", () => {
    const handsOn =
      "interface Options {\n  readonly announce: (instrument: number, buffer: SharedArrayBuffer) => void;\n}";
    expect(offences("runtime/order-flow.ts", handsOn)).toEqual([]);
    expect(offences("engine/engine.ts", handsOn)).not.toEqual([]);
    expect(offences("board/slot-buffer.ts", "Atomics.load(words, 0);")).toEqual([]);
    const fills =
      'import type { DepthSlot } from "../board/slot-publisher.ts";\nconst fill = (slot: DepthSlot): void => {};';
    expect(offences("engine/engine.ts", fills)).toEqual([]);
    expect(offences("engine/engine.ts", `${fills}\nconst all = new Float64Array(8);`)).not.toEqual([]);
    expect(offences("log/record.ts", "const all = new Float64Array(8);")).toEqual([]);
  });
});
