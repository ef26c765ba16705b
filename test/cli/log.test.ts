import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { encodeDefineRecord, encodeRulesRecord } from "../../src/log/record.ts";
import { packRecords } from "../../src/log/record-group.ts";
import { runCommand, serveCommand } from "../support/command-line.ts";
import { eventually } from "../support/eventually.ts";
import { memoryFolder } from "../support/temporary-folder.ts";
import { testBatch, testInstrument } from "../support/flow-rig.ts";
import {
  appendNumbers,
  newLogPath,
  openKeeper,
  putFiles,
  readNumbers,
  takeFiles,
} from "../support/sqlite-log.ts";

const rules = {
  rulesVersion: 1,
  liveOrdersMax: 1,
  levelsPerSideMax: 2,
  instrumentsMax: 3,
  producersMax: 4,
} as const;

/** A log of rules, a definition and a batch of two events. */
function readableLog(): string {
  const path = newLogPath();
  const log = openKeeper(path);
  const { record } = testBatch(
    "A",
    [{ action: 1, id: 2n ** 63n + 7n, side: 2, price: -100, quantity: 5 }, { action: 6 }],
    { id: "p", number: 3 },
  );
  log.append([packRecords([encodeRulesRecord(rules), encodeDefineRecord(testInstrument("A")), record])]);
  log.close();
  return path;
}

/** Entries from which snapshots go on, oldest first. */
function snapshotIndexes(path: string): number[] {
  const names = readdirSync(`${path}-snapshots`).filter((name) => name.endsWith(".snapshot"));
  return names.map((name) => Number.parseInt(name, 10)).toSorted((a, b) => a - b);
}

function change(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe("depthcast log info", () => {
  test("tells what is in it, also while a server has it, and changes nothing", async () => {
    const path = readableLog();
    const log = openKeeper(path);
    const { code, stdout } = await runCommand(["log", "info", path, "--check"]);
    expect(code).toBe(0);
    for (const line of [
      /epoch +1000/,
      /entries +0 to 2/,
      /watermark +fits: what was acknowledged ends at 3/,
      /batches +1 with 2 events/,
      /defined +A,/,
      /every entry fits the chain/,
    ]) {
      expect(stdout).toMatch(line);
    }
    log.close();
    expect(openKeeper(path).endIndex).toBe(3);
  });

  test("--check names the first entry that is damaged; exit code 1", async () => {
    const path = readableLog();
    change(path, "UPDATE log SET record = x'00' WHERE log_index = 1");
    expect(await runCommand(["log", "info", path])).toMatchObject({ code: 0 });
    expect(await runCommand(["log", "info", path, "--check"])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^depthcast: entry 1 of .*--discard-after 0/) as string,
    });
  });
});

test("depthcast log export prints entries as JSON, one a line", async () => {
  const path = readableLog();
  const all = await runCommand(["log", "export", path]);
  expect(
    all.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    { entry: 0, kind: "rules", ...rules },
    { entry: 1, kind: "define", instrument: { ...testInstrument("A"), crossPolicy: "reject" } },
    {
      entry: 2,
      kind: "batch",
      instrument: 0,
      producerId: "p",
      batchNumber: 3,
      events: [{ op: "add", id: "9223372036854775815", side: "ask", price: -100, qty: 5 }, { op: "clear" }],
    },
  ]);
  const part = await runCommand(["log", "export", path, "--from", "1", "--to", "1"]);
  expect(part.stdout.match(/"entry":[0-9]+/g)).toEqual(['"entry":1']);
});

describe("depthcast log repair", () => {
  test("keeps what is whole of a damaged log, and the old file; the epoch is new", async () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 100, 5000);
    log.close();
    change(path, "UPDATE log SET record = x'00' WHERE log_index = 60");
    const damaged = openKeeper(path);
    expect(() => readNumbers(damaged)).toThrow("repair --discard-after 59");
    damaged.close();

    const { code, stdout } = await runCommand(["log", "repair", path, "--discard-after", "59"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/the entries 0 to 59, and the new epoch [0-9]{16}\n.*before-repair: delete it/);
    const repaired = openKeeper(path);
    expect(readNumbers(repaired)).toEqual(Array.from({ length: 60 }, (_, place) => place));
    expect(repaired.epoch).toBeGreaterThan(1000n);
    appendNumbers(repaired, 60, 70);
    repaired.close();
    expect(readNumbers(openKeeper(path))).toHaveLength(70);
    const saved = new DatabaseSync(`${path}.before-repair`);
    expect(saved.prepare("SELECT count(*) AS count FROM log").get()).toEqual({ count: 100 });
    saved.close();
  });

  test("accepts the loss of entries that the watermark tells of", async () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 10);
    log.close();
    change(path, "DELETE FROM log WHERE log_index >= 8");
    expect(() => openKeeper(path)).toThrow(/10 were acknowledged.*repair --discard-after 7/);
    expect(await runCommand(["log", "info", path])).toMatchObject({
      stdout: expect.stringContaining("10 entries were acknowledged, more than there are") as string,
    });
    expect(await runCommand(["log", "repair", path, "--discard-after", "7"])).toMatchObject({ code: 0 });
    expect(readNumbers(openKeeper(path))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("of a log whose beginning is gone needs a snapshot to start from, and takes away those that hold too much", async () => {
    const path = join(memoryFolder(), "log.db");
    const args = ["--log", `sqlite:${path}`, "--snapshot-every-batches", "1", "--instrument", "X:2:0"];
    const { command, grpc } = await serveCommand(args);
    for (let id = 1; id <= 4; id++) {
      const input = `{"op":"add","id":"${id}","side":"bid","price":100,"qty":5}\n`;
      const ingest = [
        "ingest",
        "-",
        "--symbol",
        "X",
        "--price-scale",
        "2",
        "--append",
        "--quantity-scale",
        "0",
        "--server",
        grpc,
      ];
      expect(await runCommand(ingest, { input })).toMatchObject({ code: 0 });
      await eventually(() => snapshotIndexes(path).at(-1) === id + 2);
    }
    command.child.kill("SIGTERM");
    await command.ended();
    const [older = 0, newer = 0] = snapshotIndexes(path);
    expect(newer).toBeGreaterThan(older);
    const info = await runCommand(["log", "info", path]);
    expect(info.stdout).toContain(`${older}.snapshot: a start goes on from entry ${older}`);
    const repair = (after: number) => runCommand(["log", "repair", path, "--discard-after", String(after)]);
    expect(await repair(older - 2)).toMatchObject({ code: 1, stdout: "" });
    expect(await repair(older - 1)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("book snapshots held more than the log has") as string,
    });
    expect(snapshotIndexes(path)).toEqual([older]);
    const again = await serveCommand(args);
    const book = await fetch(`${again.url.replace("ws:", "http:").replace("/v1/ws", "")}/v1/book/X`);
    expect(await book.json()).toMatchObject({ sequence: String(older - 2) });
  });

  test("is refused where a server has the log, or an entry to keep is damaged, or not there", async () => {
    const path = newLogPath();
    const log = openKeeper(path);
    appendNumbers(log, 0, 10);
    const repair = async (after: number) =>
      (await runCommand(["log", "repair", path, "--discard-after", String(after)])).stderr;
    expect(await repair(5)).toContain("in use by another depthcast");
    log.close();
    expect(await repair(10)).toContain("it has the entries 0 to 9");
    change(path, "UPDATE log SET record = x'00' WHERE log_index = 4");
    expect(await repair(5)).toContain("entry 4 of the order log");
    expect(existsSync(`${path}.repair`)).toBe(false);
  });
});

test("depthcast log new-epoch takes a restored backup into use", async () => {
  const path = newLogPath();
  const log = openKeeper(path);
  appendNumbers(log, 0, 10);
  log.close();
  const backup = takeFiles(path);
  const later = openKeeper(path);
  appendNumbers(later, 10, 15);
  later.close();
  putFiles(path, new Map([...takeFiles(path), ["", backup.get("")!]]));
  expect(() => openKeeper(path)).toThrow("it ends at 10, and 15 were acknowledged");
  expect(await runCommand(["log", "new-epoch", path])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^the log has the entries 0 to 9, and the new epoch [0-9]{16}\n$/,
    ) as string,
  });
  const restored = openKeeper(path);
  expect(readNumbers(restored)).toHaveLength(10);
  expect(restored.epoch).toBeGreaterThan(1000n);
});

test.each([
  [["log"], 'log takes info, export, repair, new-epoch, not ""'],
  [["log", "info"], "log info takes one FILE"],
  [["log", "info", "a", "b"], "log info takes one FILE"],
  [["log", "export", "a", "--check"], "log export takes no --check"],
  [["log", "repair", "a"], "log repair needs --discard-after N"],
])("%j is a usage error", async (args, message) => {
  expect(await runCommand(args)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(message) as string,
  });
});

test("a file that is not there, or is no log, is one line", async () => {
  const path = newLogPath();
  expect(await runCommand(["log", "info", path])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^depthcast: cannot read the order log .*cannot be opened.*\n$/) as string,
  });
  for (const action of ["new-epoch", "repair"]) {
    const after = action === "repair" ? ["--discard-after", "1"] : [];
    expect(await runCommand(["log", action, path, ...after])).toMatchObject({ code: 1, stdout: "" });
  }
  expect(existsSync(path)).toBe(false);
  change(path, "CREATE TABLE mine (a)");
  expect(await runCommand(["log", "info", path])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no order log of depthcast") as string,
  });
});
