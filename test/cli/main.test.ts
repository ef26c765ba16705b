import { describe, expect, test } from "vitest";
import { runCommand } from "../support/command-line.ts";

describe("help and version", () => {
  test.each([[[]], [["--help"]], [["help"]]])("%j prints the commands", async (args) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/serve .*\n.*ingest .*\n.*watch /);
  });

  test.each([
    ["serve", ["--grpc HOST:PORT", "--depth-max N", "--instrument SYMBOL", "--demo", "DEPTHCAST_DEPTH_MAX"]],
    ["ingest", ["--symbol SYMBOL", "--verify[=N]", "--clear", '"op":"check"']],
    ["log", ["--discard-after N", "--check", "depthcast log new-epoch FILE"]],
    ["watch", ["--depth N", "--json", "--server HOST:PORT"]],
  ])("%s --help tells all that it takes", async (command, texts) => {
    const { code, stdout } = await runCommand([command, "--help"]);
    expect(code).toBe(0);
    for (const text of texts) expect(stdout).toContain(text);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test("--version", async () => {
    expect((await runCommand(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

test("what is typed wrong is one line and exit code 2", async () => {
  expect(await runCommand(["serve", "--dempth-max", "3"])).toEqual({
    code: 2,
    stdout: "",
    stderr: "depthcast: unknown flag --dempth-max; did you mean --depth-max?\n",
  });
});
