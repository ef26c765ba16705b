import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { appendNumbers, newLogPath, openKeeper, readNumbers } from "../../support/sqlite-log.ts";

const upTo = (end: number, start = 0) => Array.from({ length: end - start }, (_, place) => start + place);

describe("the files of a SQLite log", () => {
  test("are there again after a close: entries, epoch, digests and what was forgotten", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 1000);
    appendNumbers(log, 1000, 1001);
    expect(log.truncate(400, 300)).toBe(false);
    expect(log.truncate(400, 300)).toBe(true);
    const digests = [400, 700, 1001].map((index) => log.digestAt(index));
    const { bytes } = log;
    log.close();

    const again = openKeeper(path, { epoch: 2000n });
    expect([again.epoch, again.startIndex, again.endIndex]).toEqual([1000n, 400, 1001]);
    expect([400, 700, 1001].map((index) => again.digestAt(index))).toEqual(digests);
    expect(new Set(digests).size).toBe(3);
    expect(again.bytes).toBe(bytes);
    expect(readNumbers(again)).toEqual(upTo(1001, 400));
    appendNumbers(again, 1001, 1003);
    expect(readNumbers(again)).toEqual(upTo(1003, 400));
  });

  test("have other digests where one record is another", () => {
    const [one, other] = [newLogPath(), newLogPath()].map((path) => openKeeper(path));
    for (const log of [one!, other!]) appendNumbers(log, 0, 3);
    expect(one!.digestAt(3)).not.toBe(other!.digestAt(3));
    expect(() => one!.digestAt(4)).toThrow("no entry 4");
  });

  test("are locked against a second one, in this process as well, and free again after a close", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    expect(() => openKeeper(path)).toThrow(`the order log ${path} is in use by another depthcast`);
    appendNumbers(log, 0, 2);
    log.close();
    expect(readNumbers(openKeeper(path))).toEqual([0, 1]);
  });

  test("can be read by others meanwhile", () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 5);
    const reader = new DatabaseSync(path, { readOnly: true });
    expect(reader.prepare("SELECT count(*) AS count FROM log").get()).toEqual({ count: 5 });
    appendNumbers(log, 5, 7);
    expect(reader.prepare("SELECT count(*) AS count FROM log").get()).toEqual({ count: 7 });
    reader.close();
  });

  test("of another program, or of a later version, are refused and left as they are", () => {
    const [other, later] = [newLogPath(), newLogPath()];
    const database = new DatabaseSync(other);
    database.exec("CREATE TABLE mine (a)");
    expect(() => openKeeper(other)).toThrow("no order log of depthcast");
    expect(database.prepare("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "mine" }]);
    database.close();
    openKeeper(later).close();
    const newer = new DatabaseSync(later);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    expect(() => openKeeper(later)).toThrow("schema version 99, this build knows versions up to 1");
  });

  test("truncated give their room to what comes", () => {
    const log = openKeeper(newLogPath());
    appendNumbers(log, 0, 2000, 3000);
    const { bytes } = log;
    while (!log.truncate(2000, 500));
    expect(log.bytes).toBeLessThan(bytes / 20);
    appendNumbers(log, 2000, 3000, 3000);
    expect(log.bytes).toBeLessThan(bytes * 0.6);
  });
});

describe("the watermark", () => {
  const filled = () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 3);
    log.close();
    return path;
  };

  test("missing beside a log that has entries is refused", () => {
    const path = filled();
    rmSync(`${path}.watermark`);
    expect(() => openKeeper(path)).toThrow(/watermark is missing or damaged.*depthcast log new-epoch/);
  });

  test("beside a log that is gone is refused, and no new one is made", () => {
    const path = filled();
    rmSync(path);
    expect(() => openKeeper(path)).toThrow("is gone, and");
    expect(() => openKeeper(path)).toThrow("3 acknowledged entries");
  });

  test("of another log is refused", () => {
    const [path, other] = [filled(), filled()];
    const database = new DatabaseSync(path);
    database.exec(`ATTACH '${other}' AS other; UPDATE meta SET content = (SELECT content FROM other.meta),
      digest = (SELECT digest FROM other.meta)`);
    database.close();
    expect(() => openKeeper(path)).toThrow("is of another log");
  });

  test("tells of entries that are missing at the end", () => {
    const path = filled();
    const database = new DatabaseSync(path);
    database.exec("DELETE FROM log WHERE log_index >= 2");
    database.close();
    expect(() => openKeeper(path)).toThrow(
      /it ends at 2, and 3 were acknowledged.*depthcast log repair --discard-after 1/,
    );
  });
});

describe("an entry that was changed", () => {
  const changes = [
    ["its record", "UPDATE log SET record = zeroblob(length(record)) WHERE log_index = 5", 5],
    ["its digest", "UPDATE log SET digest = zeroblob(20) WHERE log_index = 5", 5],
    ["its place", "UPDATE log SET log_index = 500 WHERE log_index = 5", 5],
    ["no blob", "UPDATE log SET record = 'text' WHERE log_index = 5", 5],
    ["gone", "DELETE FROM log WHERE log_index = 5", 5],
    ["the first, gone", "DELETE FROM log WHERE log_index = 0", 0],
    ["the last, changed", "UPDATE log SET record = x'00' WHERE log_index = 9", 9],
  ] as const;

  test.each(changes)("(%s) is named, and what can be done about it", (_how, change, index) => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 10);
    log.close();
    const database = new DatabaseSync(path);
    database.exec(change);
    database.close();
    const message = new RegExp(`^entry (${index}|498|499) of the order log ${path} is damaged`);
    expect(() => readNumbers(openKeeper(path))).toThrow(message);
  });
});
