import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Program } from "../support/program.ts";
import { startTestServer } from "../support/start-server.ts";

/** The package as others get it: packed here, installed and run in an empty folder. */

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TSC = join(ROOT, "node_modules/.bin/tsc");
const scratch = mkdtempSync(join(tmpdir(), "depthcast-pack-"));
/** The project, but for what is built or installed: packing builds, and rewrites package.json for a moment. */
const project = join(scratch, "project");
const folder = join(scratch, "empty");
const manifestPath = join(project, "package.json");
const manifestBefore = readFileSync(join(ROOT, "package.json"), "utf8");
const NOT_COPIED = new Set([".git", "node_modules", "dist", "bench", "test", "test-artifacts"]);

/** Runs a program in the empty folder, with the Node that runs this test before all others. */
async function run(program: string, args: readonly string[], cwd = folder): Promise<string> {
  const { PATH = "", ...environment } = process.env;
  const { stdout } = await promisify(execFile)(program, args, {
    cwd,
    env: { ...environment, PATH: `${dirname(process.execPath)}${delimiter}${PATH}` },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

beforeAll(async () => {
  mkdirSync(folder);
  cpSync(ROOT, project, { recursive: true, filter: (path) => !NOT_COPIED.has(relative(ROOT, path)) });
  symlinkSync(join(ROOT, "node_modules"), join(project, "node_modules"));
  await run("npm", ["pack", "--pack-destination", folder], project);
  const archive = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "none";
  writeFileSync(join(folder, "package.json"), '{"private":true,"type":"module"}\n');
  await run("npm", ["install", "--no-audit", "--no-fund", join(folder, archive)]);
}, 240_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

test("packing leaves the project's package.json as it was", () => {
  expect(readFileSync(manifestPath, "utf8")).toBe(manifestBefore);
});

test("the package holds nothing that is for developing", () => {
  const installed = join(folder, "node_modules/depthcast");
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as object;
  for (const key of ["optionalDependencies", "devDependencies", "scripts"]) {
    expect(manifest).not.toHaveProperty(key);
  }
  expect(manifest).toHaveProperty("dependencies");
  const names = readdirSync(installed);
  expect(names).toEqual(expect.arrayContaining(["LICENSE", "bin", "dist", "package.json", "proto"]));
  expect(names).not.toContain("src");
  expect(readdirSync(join(folder, "node_modules")).filter((name) => name.startsWith("node-"))).toEqual([]);
});

test("its command runs", async () => {
  expect(await run("npx", ["--no-install", "depthcast", "--help"])).toContain("depthcast COMMAND");
  const { version } = JSON.parse(manifestBefore) as { version: string };
  expect(await run("npx", ["--no-install", "depthcast", "--version"])).toBe(`${version}\n`);
});

test("it can be imported, with types", async () => {
  writeFileSync(join(folder, "use.mts"), USE);
  expect(await run(process.execPath, ["use.mts"])).toBe("[ 'X' ]\nlive,live\n<title>depthcast</title>\n");
  const settings = { module: "nodenext", target: "es2024", strict: true, noEmit: true, types: ["node"] };
  const compilerOptions = { ...settings, typeRoots: [join(ROOT, "node_modules/@types")] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["use.mts"] }));
  expect(await run(TSC, ["-p", "."])).toBe("");
});

test("the examples run with it, and their types are right", async () => {
  const examples = join(folder, "examples");
  cpSync(join(ROOT, "examples"), examples, { recursive: true });
  const settings = { module: "nodenext", target: "es2024", strict: true, noEmit: true, types: ["node"] };
  const compilerOptions = { ...settings, typeRoots: [join(ROOT, "node_modules/@types")] };
  writeFileSync(join(examples, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  expect(await run(TSC, ["-p", "examples"])).toBe("");

  const { grpcAddress } = await startTestServer();
  const address = `grpc://${grpcAddress}`;
  expect(await run(process.execPath, ["examples/producer.ts", address])).toBe(
    "4 events accepted, 1 refused\n",
  );
  const consumer = new Program(process.execPath, [join(examples, "consumer.ts"), address, "ACME"]);
  await consumer.printed(/^ACME live bid 100.25 ask 100.30 spread 0.05 at sequence 4, /m);

  const outDir = join(folder, "page");
  const page = { configFile: false, logLevel: "error", root: join(examples, "browser") } as const;
  await build({ ...page, build: { outDir, emptyOutDir: true, target: "es2024" } });
  expect(readdirSync(outDir)).toContain("index.html");
});

const USE = `
import { type RunningServer, startServer } from "depthcast";
import { type ClientBook, connect, GrpcClient, type LiveBook, type MarketUpdate } from "depthcast/client";
import { connect as connectInBrowser } from "depthcast/client/browser";

const any = { host: "127.0.0.1", port: 0 };
const server: RunningServer = await startServer({ grpc: any, http: any });
const client = new GrpcClient(\`127.0.0.1:\${server.grpcPort}\`);
await client.defineInstrument({
  symbol: "X", priceScale: 2, quantityScale: 0, crossPolicy: 1, tickSize: 0, lotSize: 0, description: "",
});
const symbols: string[] = (await client.listInstruments()).map(({ symbol }) => symbol);
console.log(symbols);
const http = \`http://127.0.0.1:\${server.httpPort}\`;
const pages = connectInBrowser(\`\${http.replace("http", "ws")}/v1/ws\`);
const services = connect(\`grpc://127.0.0.1:\${server.grpcPort}\`);
const books: LiveBook[] = await Promise.all([pages.watch("X"), services.watch("X")]);
console.log(books.map(({ status }) => status).join());
console.log(/<title>.*<\\/title>/.exec(await (await fetch(http)).text())?.[0]);
pages.close();
services.close();
client.close();
await server.stop();
export type Seen = [ClientBook, MarketUpdate];
`;
