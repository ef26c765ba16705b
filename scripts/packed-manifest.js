// What is for developing stays out of the package: `strip` (before packing) writes a package.json without it,
// `restore` (after packing) puts the full one back. The platform packages of Node above all: 211 MB, and a
// `node` that would shadow the user's own.
import { copyFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const DEVELOPMENT_ONLY = [
  "optionalDependencies",
  "devDependencies",
  "devEngines",
  "overrides",
  "allowScripts",
  "scripts",
];

const manifest = new URL("../package.json", import.meta.url);
const backup = new URL("../node_modules/.depthcast-package.json", import.meta.url);

const task = process.argv[2];
if (task === "strip") strip();
else if (task === "restore") restore();
else throw new Error("call with strip or restore");

function strip() {
  // A packing that failed half-way leaves the backup behind.
  restore();
  copyFileSync(manifest, backup);
  const content = JSON.parse(readFileSync(manifest, "utf8"));
  for (const key of DEVELOPMENT_ONLY) delete content[key];
  writeFileSync(manifest, `${JSON.stringify(content, undefined, 2)}\n`);
}

function restore() {
  if (existsSync(backup)) renameSync(backup, manifest);
}
