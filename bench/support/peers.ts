import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The packages that depthcast is measured against: a package of its own, `bench/package.json`, which the
 * project's install does not touch.
 */
const benchFolder = fileURLToPath(new URL("..", import.meta.url));
const lockFile = `${benchFolder}package-lock.json`;
const installedMark = `${benchFolder}node_modules/.package-lock.json`;

/** Whether the peers are there, and not older than the lock file. */
export function peersInstalled(): boolean {
  return existsSync(installedMark) && statSync(installedMark).mtimeMs >= statSync(lockFile).mtimeMs;
}

/** Installs the peers exactly as locked. Throws where that fails. */
export function installPeers(): void {
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--prefix", benchFolder], {
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("npm ci in bench/ failed; --no-peers runs without the other packages");
}

/**
 * Loads a peer. Its types are not there where it is not installed, so the caller says what it uses of it;
 * `file` is for a module that the package does not export by name.
 */
export async function loadPeer<T>(name: string, file?: string): Promise<T> {
  const specifier =
    file === undefined ? name : new URL(`../node_modules/${name}/${file}`, import.meta.url).href;
  return (await import(specifier)) as T;
}
