import { describe, expect, test } from "vitest";
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import {
  appendNumbers,
  newLogPath,
  openKeeper,
  putFiles,
  readNumbers,
  takeFiles,
} from "../../support/sqlite-log.ts";

const upTo = (end: number) => Array.from({ length: end }, (_, place) => place);

describe("a log that ended without a close", () => {
  test("has everything that was acknowledged, under the same digests", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    for (let commit = 0; commit < 50; commit++) appendNumbers(log, commit * 3, commit * 3 + 3, 500);
    const files = takeFiles(path);
    expect(files.get("-wal")?.length).toBeGreaterThan(100_000);
    const copy = newLogPath();
    putFiles(copy, files);
    const again = openKeeper(copy);
    expect(readNumbers(again)).toEqual(upTo(150));
    expect(again.digestAt(150)).toBe(log.digestAt(150));
    expect(again.epoch).toBe(log.epoch);
  });

  test("keeps what was committed though its acknowledgement did not come to be, and tells it from then on", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 5);
    const before = takeFiles(path);
    appendNumbers(log, 5, 8);
    const after = takeFiles(path);
    putFiles(path, new Map([...after, [".watermark", before.get(".watermark")!]]));
    const again = openKeeper(path);
    expect(readNumbers(again)).toEqual(upTo(8));
    again.close();
    const database = new DatabaseSync(path);
    database.exec("DELETE FROM log WHERE log_index >= 6");
    database.close();
    expect(() => openKeeper(path)).toThrow("it ends at 6, and 8 were acknowledged");
  });

  test("is refused where the end of its write-ahead log is gone", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 5);
    const before = takeFiles(path);
    appendNumbers(log, 5, 8);
    const after = takeFiles(path);
    putFiles(path, new Map([...after, ["-wal", before.get("-wal")!]]));
    expect(() => openKeeper(path)).toThrow("it ends at 5, and 8 were acknowledged");
  });

  test("is left as it is where it is refused, with all that could still be got out of it", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    for (let commit = 0; commit < 20; commit++) appendNumbers(log, commit, commit + 1, 500);
    const files = takeFiles(path);
    log.close();
    const wal = Buffer.from(files.get("-wal")!);
    wal[wal.length / 2] = wal[wal.length / 2]! ^ 1;
    putFiles(path, new Map([...files, ["-wal", wal]]));
    const damaged = takeFiles(path);
    expect(() => openKeeper(path)).toThrow("has lost acknowledged entries");
    expect(takeFiles(path)).toEqual(damaged);
  });

  test("is carried over as a whole before anything is added: what was read of it may never have been synced", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 5);
    putFiles(path, takeFiles(path));
    expect(takeFiles(path).get("-wal")!.length).toBeGreaterThan(0);
    const again = openKeeper(path);
    expect(takeFiles(path).get("-wal")).toHaveLength(0);
    expect(readNumbers(again)).toEqual(upTo(5));
  });

  test.each([
    ["before there were tables", "PRAGMA journal_mode = WAL"],
    ["before it had a name", ""],
  ])("in its creation (%s) is begun anew", (_when, sql) => {
    const path = newLogPath();
    if (sql === "") {
      openKeeper(path).close();
      rmSync(`${path}.watermark`);
    }
    const database = new DatabaseSync(path);
    database.exec(sql === "" ? "DELETE FROM meta" : sql);
    database.close();
    const log = openKeeper(path, { epoch: 7n });
    appendNumbers(log, 0, 2);
    expect([log.epoch, ...readNumbers(log)]).toEqual([7n, 0, 1]);
  });
});
