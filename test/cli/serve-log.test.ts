import { join } from "node:path";
import { existsSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CommandProcess, runCommand, serveCommand } from "../support/command-line.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const LINE =
  '{"op":"add","id":"1","side":"bid","price":100,"qty":5}\n{"op":"add","id":"2","side":"bid","price":99,"qty":7}\n';

async function getText(url: string, path: string): Promise<string> {
  return (await fetch(url.replace(/^ws/, "http").replace("/v1/ws", path))).text();
}

describe("depthcast serve --log sqlite:FILE", () => {
  test("comes back after a kill with the same epoch, book and sequence", async () => {
    const path = join(temporaryFolder(), "made", "depthcast.db");
    const args = ["--log", `sqlite:${path}`, "--instrument", "X:2:0", "--snapshot-every-batches", "3"];
    const { command, grpc, url } = await serveCommand(args);
    expect(command.stdout).toMatch(new RegExp(`log +${path}: [0-9]+ entries`));
    const ingest = [
      "ingest",
      "-",
      "--symbol",
      "X",
      "--price-scale",
      "2",
      "--quantity-scale",
      "0",
      "--server",
      grpc,
    ];
    expect(await runCommand(ingest, { input: LINE })).toMatchObject({ code: 0 });
    const before = JSON.parse(await getText(url, "/v1/book/X?depth=5")) as Record<string, unknown>;
    expect(before).toMatchObject({
      sequence: "2",
      bids: [
        ["1.00", "5", 1],
        ["0.99", "7", 1],
      ],
    });
    const metrics = await getText(url, "/metrics");
    expect(metrics).toMatch(/depthcast_log_commit_seconds_count [1-9]/);
    expect(metrics).toMatch(/depthcast_log_entries [3-9]/);
    expect(metrics).toMatch(/depthcast_log_records_total [3-9]/);
    expect(metrics).toMatch(/depthcast_log_bytes [1-9]/);
    await eventually(() => readdirSync(`${path}-snapshots`).some((name) => name.endsWith(".snapshot")));
    command.child.kill("SIGKILL");
    await command.ended();

    const again = await serveCommand(args);
    const { epoch, sequence, bids } = JSON.parse(
      await getText(again.url, "/v1/book/X?depth=5"),
    ) as typeof before;
    expect({ epoch, sequence, bids }).toEqual({
      epoch: before["epoch"],
      sequence: before["sequence"],
      bids: before["bids"],
    });
    again.command.child.kill("SIGTERM");
    expect(await again.command.ended()).toMatchObject({ code: 0 });
  });

  test("a second server on one log is one line and exit code 1", async () => {
    const path = join(temporaryFolder(), "depthcast.db");
    await serveCommand(["--log", `sqlite:${path}`]);
    const second = ["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log", `sqlite:${path}`];
    expect(await runCommand(second)).toEqual({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        `^depthcast: the order log .*${path} is in use by another depthcast`,
      ) as string,
    });
  });

  test("is the default, in the folder where it is started, but for --demo", async () => {
    const folder = temporaryFolder();
    const ports = ["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    const command = new CommandProcess(ports, {}, folder);
    await command.printed(/log +\.\/data\/depthcast\.db: [01] entries/);
    expect(existsSync(join(folder, "data", "depthcast.db"))).toBe(true);
    const demo = new CommandProcess([...ports, "--demo"], {}, folder);
    await demo.printed(/log +memory/);
  });
});
