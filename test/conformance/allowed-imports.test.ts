import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * Imports go downwards only, and each outside package has its place. What a folder may import from `src`:
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  book: [],
  protocol: ["book"],
  board: ["book"],
  log: ["book"],
  observability: [],
  engine: ["book", "protocol", "board", "log"],
  broadcast: ["book", "protocol", "board", "log"],
  transports: ["book", "protocol", "board", "log", "engine", "broadcast", "observability"],
  client: ["book", "protocol"],
  runtime: ["book", "protocol", "board", "log", "engine", "broadcast", "transports", "observability"],
  cli: ["book", "protocol", "log", "runtime", "client", "observability"],
};

/** Files beside the folders, which everybody may import. */
const foundations = new Set(["errors.ts", "limits.ts", "clock.ts"]);

/** Where a package may be imported: the beginnings of paths under `src`. Others are free. */
const places: Readonly<Record<string, readonly string[]>> = {
  "@grpc/grpc-js": ["transports/grpc/", "client/"],
  "@grpc/reflection": ["transports/grpc/"],
  fastify: ["transports/http/"],
  "@fastify/static": ["transports/http/"],
  "@fastify/websocket": ["transports/http/"],
  "@prometheus-io/client": ["observability/"],
  pino: ["observability/"],
  "node:worker_threads": ["runtime/"],
  "node:sqlite": ["log/"],
  typebox: ["runtime/", "protocol/"],
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const root = resolve(import.meta.dirname, "../../src");

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.startsWith(join("protocol", "gen")))
    .map((path) => join(folder, path));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, "utf8");
  const specifiers = text.matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)"([^"]+)"/gm);
  return Array.from(specifiers, ([, target = ""]) => ({ file, target }));
}

const files = sourceFiles(root);
const imports = files.flatMap(importsOf);

function folderOf(file: string): string {
  return relative(root, file).split("/")[0] ?? "";
}

function violations(rule: (one: Import) => string | undefined): string[] {
  return imports.flatMap((one) => {
    const why = rule(one);
    return why === undefined ? [] : [`${relative(root, one.file)} imports ${one.target}: ${why}`];
  });
}

describe("imports", () => {
  it("are found", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(imports.length).toBeGreaterThan(files.length);
  });

  it("go downwards only", () => {
    const upward = violations(({ file, target }) => {
      if (!target.startsWith(".")) return undefined;
      const from = folderOf(file);
      const to = folderOf(resolve(dirname(file), target));
      if (from === to || foundations.has(to) || from === "index.ts") return undefined;
      if (foundations.has(from)) return `${from} imports no folder`;
      return allowed[from]?.includes(to)
        ? undefined
        : `${from} may import ${allowed[from]?.join(", ") || "nothing"}`;
    });
    expect(upward).toEqual([]);
  });

  it("of the domain are of the domain only", () => {
    const outside = violations(({ file, target }) => {
      if (folderOf(file) !== "book" || target.startsWith("./")) return undefined;
      return ["../errors.ts", "../limits.ts"].includes(target) ? undefined : "the book is pure";
    });
    expect(outside).toEqual([]);
  });

  it("of outside packages are where they belong", () => {
    const misplaced = violations(({ file, target }) => {
      const place = Object.entries(places).find(([name]) => target === name || target.startsWith(`${name}/`));
      if (place === undefined) return undefined;
      const [, folders] = place;
      const path = relative(root, file);
      return folders.some((prefix) => path.startsWith(prefix)) ? undefined : `only in ${folders.join(", ")}`;
    });
    expect(misplaced).toEqual([]);
  });

  it("exist for every folder of src", () => {
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).toSorted()).toEqual(Object.keys(allowed).toSorted());
  });
});
