#!/usr/bin/env node
// Starts the command line: the built one in an installed package, the sources in a clone. Plain JavaScript
// that old versions of Node can read as well, so that they can say what is missing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

const sources = new URL("../src/cli/main.ts", import.meta.url);
const built = new URL("../dist/cli/main.js", import.meta.url);
const main = existsSync(sources) ? sources : built;

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  await import(main.href);
} else {
  // A clone brings a Node of its own along (see package.json, optionalDependencies).
  const ownNode = ["node", "node.exe"]
    .map((name) => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url)))
    .find((path) => existsSync(path));
  if (main === sources && ownNode !== undefined) runWith(ownNode);
  else refuse();
}

/** @param {string} node */
function runWith(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ""}` },
  });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on("error", refuse);
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function refuse() {
  process.stderr.write(
    `depthcast: needs Node ${NODE_MAJOR_MIN} or later, and this is ${process.versions.node}; see https://nodejs.org\n`,
  );
  process.exit(1);
}
