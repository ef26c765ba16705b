import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** What the disk does from now on. */
export type DiskFault =
  | { readonly kind: "none" }
  /** Every write and sync fails so; or only those to files whose names end so. */
  | { readonly kind: "error"; readonly code: "EIO" | "EROFS"; readonly suffix?: string }
  /** Writes go well, and no sync does. */
  | { readonly kind: "unsynced"; readonly code: "EIO" }
  /** Every sync takes so long. */
  | { readonly kind: "slow"; readonly ms: number };

/** A folder whose disk fails as a test says, for processes that are started with `environment`. Linux with gcc. */
export class FaultyDisk {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly #control: string;

  private constructor(folder: string, control: string, library: string) {
    this.folder = folder;
    this.#control = control;
    this.environment = {
      LD_PRELOAD: library,
      FAULTY_DISK_FOLDER: folder,
      FAULTY_DISK_CONTROL: control,
    };
  }

  /** Whether it can be had here; says so where it cannot. */
  static isPossible(): boolean {
    if (process.platform === "linux" && spawnSync("gcc", ["--version"]).status === 0) return true;
    console.warn("skipped: tests of a disk that fails or is slow want Linux and gcc");
    return false;
  }

  static create(): FaultyDisk {
    const home = mkdtempSync(join(tmpdir(), "depthcast-faulty-"));
    onTestFinished(() => rmSync(home, { recursive: true, force: true }));
    const library = join(home, "faulty-disk.so");
    const source = fileURLToPath(new URL("./faulty-disk.c", import.meta.url));
    const { status, stderr } = spawnSync("gcc", ["-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`gcc: ${stderr}`);
    const folder = join(home, "disk");
    mkdirSync(folder);
    return new FaultyDisk(folder, join(home, "control"), library);
  }

  set(fault: DiskFault): void {
    writeFileSync(this.#control, textOf(fault));
  }
}

function textOf(fault: DiskFault): string {
  if (fault.kind === "none") return "";
  if (fault.kind === "slow") return `slow ${fault.ms}`;
  const suffix = fault.kind === "error" ? (fault.suffix ?? "") : "";
  return `${fault.kind} ${constants.errno[fault.code]} ${suffix}`;
}
