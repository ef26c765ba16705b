import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AskedChild } from "../../support/asked-child.ts";
import { type DiskFault, FaultyDisk } from "../../support/faulty-disk.ts";
import type { KeeperAnswer, KeeperCommand } from "../../support/keeper-commands.ts";
import { numberedRecord } from "../../support/log-taker.ts";
import { SmallDisk } from "../../support/small-disk.ts";
import {
  appendNumbers,
  newLogPath,
  openKeeper,
  readNumbers,
  takeFiles,
  putFiles,
} from "../../support/sqlite-log.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** After this a failed attempt may be followed by another. */
const ATTEMPT_PAUSE_MS = 120;

describe.runIf(FaultyDisk.isPossible())("a commit that fails", () => {
  const faults: readonly (readonly [DiskFault, RegExp])[] = [
    [{ kind: "error", code: "EIO" }, /disk I\/O error, SQLite code [0-9]+; see to the disk/],
    // It is written, and may be read after it: but it is not on the disk, and the caller was told so.
    [{ kind: "unsynced", code: "EIO" }, /disk I\/O error/],
    // It is on the disk, and its watermark is not.
    [{ kind: "error", code: "EIO", suffix: ".watermark" }, /EIO/],
    [{ kind: "error", code: "EIO", suffix: "-wal" }, /disk I\/O error/],
  ];
  test.each(faults)(
    "(%o) is not in the log, at once and after a crash; the next is",
    async (fault, message) => {
      const disk = FaultyDisk.create();
      const path = join(disk.folder, "log.db");
      const child = new AskedChild<KeeperCommand, KeeperAnswer>(
        new URL("../../support/keeper-child.ts", import.meta.url),
        disk.environment,
      );
      await child.ask({ op: "open", path });
      expect(await child.ask({ op: "append", from: 0, to: 5 })).toEqual({
        endIndex: 5,
        fault: undefined,
        refusal: undefined,
      });

      disk.set(fault);
      const refused = await child.ask({ op: "append", from: 100, to: 103 });
      expect(refused).toMatchObject({ endIndex: 5, refusal: expect.stringMatching(message) as string });
      expect(refused.fault).toBe(refused.refusal);
      await pause(ATTEMPT_PAUSE_MS);
      expect((await child.ask({ op: "append", from: 103, to: 105 })).refusal).toMatch(
        /cannot .* the order log/,
      );
      expect((await child.ask({ op: "probe" })).fault).toBeDefined();

      disk.set({ kind: "none" });
      await pause(ATTEMPT_PAUSE_MS);
      expect(await child.ask({ op: "append", from: 5, to: 7 })).toEqual({
        endIndex: 7,
        fault: undefined,
        refusal: undefined,
      });
      const files = takeFiles(path);
      // Were what was not synced still in front of what was, that could not be recovered after a power cut.
      expect(files.get("-wal")!.includes(new Uint8Array(numberedRecord(100)))).toBe(false);
      const copy = newLogPath();
      putFiles(copy, files);
      expect(readNumbers(openKeeper(copy))).toEqual([0, 1, 2, 3, 4, 5, 6]);
      await child.ask({ op: "close" });
      expect(readNumbers(openKeeper(path))).toEqual([0, 1, 2, 3, 4, 5, 6]);
    },
  );

  test("is noticed to be mended where nobody appends", async () => {
    const disk = FaultyDisk.create();
    const child = new AskedChild<KeeperCommand, KeeperAnswer>(
      new URL("../../support/keeper-child.ts", import.meta.url),
      disk.environment,
    );
    await child.ask({ op: "open", path: join(disk.folder, "log.db") });
    disk.set({ kind: "error", code: "EIO" });
    expect((await child.ask({ op: "append", from: 0, to: 5 })).fault).toBeDefined();
    disk.set({ kind: "none" });
    await pause(ATTEMPT_PAUSE_MS);
    expect(await child.ask({ op: "probe" })).toEqual({ endIndex: 0, fault: undefined, refusal: undefined });
  });
});

describe.runIf(SmallDisk.isPossible())("a full disk", () => {
  test("refuses whole groups, keeps what it has, and takes more when there is room", async () => {
    const disk = SmallDisk.mount(4 * 1024 * 1024);
    const path = newLogPath(disk.folder);
    const log = openKeeper(path);
    let end = 0;
    const fill = () => {
      for (;;) {
        appendNumbers(log, end, end + 10, 3000);
        end += 10;
      }
    };
    appendNumbers(log, 0, 10, 3000);
    end = 10;
    for (let round = 0; round < 5; round++) {
      disk.fill();
      expect(fill).toThrow(/cannot write the order log .*: the disk is full; free space on it/);
      expect(log.fault).toContain("the disk is full");
      expect(log.endIndex).toBe(end);
      disk.free();
      await pause(ATTEMPT_PAUSE_MS);
      log.probe();
      expect(log.fault).toBeUndefined();
      expect(readNumbers(log)).toEqual(Array.from({ length: end }, (_, place) => place));
      appendNumbers(log, end, end + 10, 3000);
      end += 10;
    }
    disk.fill();
    expect(fill).toThrow("the disk is full");
    const files = takeFiles(path);
    disk.free();
    log.close();
    const copy = newLogPath();
    putFiles(copy, files);
    expect(readNumbers(openKeeper(copy))).toEqual(Array.from({ length: end }, (_, place) => place));
    expect(readNumbers(openKeeper(path))).toEqual(Array.from({ length: end }, (_, place) => place));
  });
});
