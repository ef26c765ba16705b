import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const BLOCK_BYTES = 4096;

/** A small file system of its own (tmpfs), which can be full or read-only. Linux, for root. Gone when the test ends. */
export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.#ballast = join(folder, "ballast");
  }

  /** Whether this process may mount one; says so where it may not. */
  static isPossible(): boolean {
    if (process.platform === "linux" && process.getuid?.() === 0) return true;
    console.warn("skipped: tests of a full and of a read-only disk want Linux and root");
    return false;
  }

  static mount(bytes: number): SmallDisk {
    const folder = mkdtempSync(join(tmpdir(), "depthcast-disk-"));
    run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder]);
    onTestFinished(() => {
      run("umount", ["-l", folder]);
      rmdirSync(folder);
    });
    return new SmallDisk(folder);
  }

  /** Leaves not one block. */
  fill(): void {
    const file = openSync(this.#ballast, "a");
    const block = Buffer.alloc(BLOCK_BYTES);
    try {
      for (;;) writeSync(file, block);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOSPC") throw thrown;
    } finally {
      closeSync(file);
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(this.#ballast);
  }

  /** While nobody has a file open for writing. */
  setReadOnly(readOnly: boolean): void {
    run("mount", ["-o", `remount,${readOnly ? "ro" : "rw"}`, this.folder]);
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
