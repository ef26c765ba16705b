import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { type SnapshotContent, writeSnapshot } from "./write-snapshot.ts";

/** A snapshot file by its name. Whether it is good, `checkSnapshot` tells. */
export interface SnapshotFile {
  readonly path: string;
  /** Where a replay begins. */
  readonly logIndex: number;
}

const NAME = /^([0-9]{16})\.snapshot$/;
/** Of what is being written. */
const UNFINISHED = ".unfinished";

/** Where the snapshots of a log in the database file `path` are. */
export function snapshotFolderPath(path: string): string {
  return `${path}-snapshots`;
}

/** Where the snapshots of one log are. One server writes in it, the one that has the log. */
export class SnapshotFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes the folder where it is not there, and takes away what a crash has left unfinished.
   *
   * @throws DepthcastError `unavailable` where that cannot be.
   */
  async prepare(): Promise<void> {
    try {
      await mkdir(this.path, { recursive: true });
      for (const name of await readdir(this.path)) {
        if (name.endsWith(UNFINISHED)) await rm(join(this.path, name), { force: true });
      }
    } catch (thrown) {
      const { message } = DepthcastError.from(thrown);
      throw new DepthcastError(
        ErrorCode.unavailable,
        `the folder of book snapshots cannot be used: ${message}`,
        { reason: "SNAPSHOT_FOLDER" },
        { cause: thrown },
      );
    }
  }

  /** The snapshots, newest first. None where there is no folder. */
  async list(): Promise<readonly SnapshotFile[]> {
    return (await this.#names())
      .flatMap((name) => {
        const digits = NAME.exec(name)?.[1];
        return digits === undefined ? [] : [{ path: join(this.path, name), logIndex: Number(digits) }];
      })
      .toSorted((a, b) => b.logIndex - a.logIndex);
  }

  /**
   * Writes a snapshot; it is there as a whole, once this resolves, or not at all. Rejects with what the disk says, or with
   * the signal's reason.
   */
  async write(
    content: SnapshotContent,
    signal: AbortSignal,
  ): Promise<{ readonly file: SnapshotFile; readonly bytes: number }> {
    const { logIndex } = content.head;
    const path = join(this.path, `${String(logIndex).padStart(16, "0")}.snapshot`);
    const unfinished = path + UNFINISHED;
    try {
      const bytes = await writeSnapshot(unfinished, content, signal);
      await rename(unfinished, path);
      await this.#sync();
      return { file: { path, logIndex }, bytes };
    } catch (thrown) {
      // What is left of it takes room that the disk may not have.
      await rm(unfinished, { force: true }).catch(() => {});
      throw thrown;
    }
  }

  /** Takes away the snapshots from which a replay would begin before `logIndex`. */
  async removeBelow(logIndex: number): Promise<void> {
    for (const file of await this.list()) {
      if (file.logIndex < logIndex) await rm(file.path, { force: true });
    }
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.path);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw thrown;
    }
  }

  /** A new name in a folder is there after a power cut only once the folder is written out. */
  async #sync(): Promise<void> {
    // Windows opens no folders, and writes its names out by itself.
    if (process.platform === "win32") return;
    const folder = await open(this.path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
