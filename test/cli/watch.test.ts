import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { closedPort } from "../support/closed-port.ts";
import { CommandProcess, runCommand, serveCommand } from "../support/command-line.ts";
import { eventually } from "../support/eventually.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

describe("depthcast watch", () => {
  test("one line an update over WebSocket, one JSON object a line over gRPC, until ctrl-C", async () => {
    const { grpc, url } = await serveCommand(["--demo"]);
    const lines = new CommandProcess(["watch", "BTC-USD", "ETH-USD", "--depth", "3", "--url", url]);
    const json = new CommandProcess(["watch", "BTC-USD", "--interval", "0", "--server", grpc, "--json"]);
    await lines.printed(
      /ETH-USD delta sequence \d+ open bid [\d.]+ x [\d.]+ ask [\d.]+ x [\d.]+ spread [\d.]+ levels 3\/3/,
    );
    await json.printed(/"type":"delta".*\n/);
    for (const command of [lines, json]) command.child.kill("SIGINT");
    expect(await lines.ended()).toMatchObject({ code: 0, stderr: "" });
    const { code, stdout } = await json.ended();
    expect(code).toBe(0);
    const objects = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(objects.slice(0, 3).map(({ type }) => type)).toEqual(["subscribed", "snapshot", "delta"]);
    expect(objects[2]?.["prevSequence"]).toBe(objects[1]?.["sequence"]);
  });

  test("a reader that goes away ends it quietly", async () => {
    const { url } = await serveCommand(["--demo"]);
    const command = new CommandProcess(["watch", "BTC-USD", "--url", url]);
    await command.printed(/snapshot/);
    command.child.stdout.destroy();
    expect(await command.ended()).toMatchObject({ code: 0, stderr: "" });
  });

  test.each(["--url", "--server"])("%s: an unknown symbol and a server that is not there", async (flag) => {
    const { grpc, url } = await serveCommand();
    const unknown = await runCommand(["watch", "NOPE", flag, flag === "--url" ? url : grpc]);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/^depthcast: .*unknown symbol "NOPE".*\n$/);
    const address = `127.0.0.1:${await closedPort()}`;
    const refused = await runCommand(["watch", "A", flag, flag === "--url" ? `ws://${address}` : address]);
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: `depthcast: no depthcast server at ${address}; start one with \`npx depthcast serve\`\n`,
    });
  });

  test("says that the server went away", async () => {
    const { command: server, url } = await serveCommand(["--demo"]);
    const command = new CommandProcess(["watch", "BTC-USD", "--url", url]);
    await command.printed(/delta/);
    server.child.kill("SIGTERM");
    const { code, stderr } = await command.ended();
    expect(code).toBe(1);
    expect(stderr).toMatch(/^depthcast: .*going away.*\n$/);
  });

  // util-linux's `script` gives the command a real terminal.
  test.runIf(process.platform === "linux")(
    "draws ladders on a terminal and leaves it as it was",
    async () => {
      const { url } = await serveCommand(["--demo"]);
      const typed = `stty rows 30 cols 100; exec ${process.execPath} ${MAIN} watch BTC-USD SOL-USD --url ${url}`;
      const terminal = spawn("script", ["-qec", typed, "/dev/null"], {
        env: { ...process.env, TERM: "xterm" },
      });
      onTestFinished(() => void terminal.kill("SIGKILL"));
      let shown = "";
      terminal.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      const frame = await eventually(
        () =>
          shown
            .split("\u001b[H")
            .findLast((text) => /SOL-USD.*open/.test(text) && text.includes("ctrl-C ends")),
        { what: "a whole frame", deadlineMs: 20_000 },
      );
      const rows = frame.split("\r\n");
      expect(rows).toHaveLength(30);
      expect(rows.filter((row) => row.includes("spread"))).toHaveLength(1);
      terminal.stdin.write("\u0003");
      await once(terminal, "close");
      expect(terminal.exitCode).toBe(0);
      expect(shown).toContain("\u001b[?25h\u001b[?1049l");
    },
  );
});
