import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { closedPort } from "../support/closed-port.ts";
import { CommandProcess, runCommand, serveCommand } from "../support/command-line.ts";
import { eventually } from "../support/eventually.ts";
import { MortalServer } from "../support/mortal-server.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

describe("depthcast watch", () => {
  test("one line an update over WebSocket, one JSON object a line over gRPC, until ctrl-C", async () => {
    const { grpc, url } = await serveCommand(["--demo"]);
    const lines = new CommandProcess(["watch", "BTC-USD", "ETH-USD", "--depth", "3", "--url", url]);
    const json = new CommandProcess(["watch", "BTC-USD", "--interval", "0", "--server", grpc, "--json"]);
    await lines.printed(
      /ETH-USD live sequence \d+ open bid [\d.]+ x [\d.]+ ask [\d.]+ x [\d.]+ spread [\d.]+ levels 3\/3/,
    );
    await json.printed(/("type":"book".*\n.*){5}/);
    for (const command of [lines, json]) command.child.kill("SIGINT");
    expect(await lines.ended()).toMatchObject({ code: 0, stderr: "" });
    const { code, stdout } = await json.ended();
    expect(code).toBe(0);
    const books = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(Object.keys(books[0] ?? {})).toEqual([
      "type",
      "symbol",
      "status",
      "epoch",
      "sequence",
      "bids",
      "asks",
      "checksum",
      "state",
      "sourceTime",
      "publishTime",
      "mergedIntervals",
      "skipped",
    ]);
    expect(books.at(-1)).toMatchObject({
      type: "book",
      symbol: "BTC-USD",
      status: "live",
      bids: expect.arrayContaining([[expect.any(String), expect.any(String), expect.any(Number)]]),
    });
    const sequences = books.map(({ sequence }) => Number(sequence));
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(sequences.at(-1)).toBeGreaterThan(sequences[0]!);
  });

  test("a reader that goes away ends it quietly", async () => {
    const { url } = await serveCommand(["--demo"]);
    const command = new CommandProcess(["watch", "BTC-USD", "--url", url]);
    await command.printed(/live/);
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

  test("is stale while the server is away, says why, and goes on when it is back", async () => {
    const server = await MortalServer.create(["--demo"]);
    server.start();
    await server.ready();
    const url = server.httpUrl.replace("http", "ws");
    const command = new CommandProcess(["watch", "BTC-USD", "--url", url]);
    await command.printed(/live/);
    await server.stop();
    await command.printed(/BTC-USD stale sequence \d+/);
    server.start();
    await command.printed(/stale.*BTC-USD live/s);
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended();
    expect(code).toBe(0);
    expect(stderr).toMatch(/^depthcast: .*going away.*; trying again in [\d.]+ s\n/);
    expect(stderr).toMatch(/depthcast: connected to ws:.*\n$/);
  });

  test("goes to the next address where one is no good", async () => {
    const { grpc } = await serveCommand(["--demo"]);
    const nowhere = `ws://127.0.0.1:${await closedPort()}`;
    const command = new CommandProcess(["watch", "BTC-USD", "--url", nowhere, "--server", grpc]);
    await command.printed(/BTC-USD live/);
    command.child.kill("SIGINT");
    expect(await command.ended()).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("no depthcast server at"),
    });
  });

  // util-linux's `script` gives the command a real terminal.
  test.runIf(process.platform === "linux").each([
    ["q", "q"],
    ["ctrl-C", "\u0003"],
  ])("draws ladders on a terminal, of its size, and leaves it as it was at %s", async (_name, key) => {
    const { url } = await serveCommand(["--demo"]);
    const typed = `tty; stty rows 30 cols 100; exec ${process.execPath} ${MAIN} watch BTC-USD SOL-USD --url ${url}`;
    const terminal = spawn("script", ["-qec", typed, "/dev/null"], {
      // As a person's: Node takes the terminal of a CI for one without colours.
      env: { ...process.env, TERM: "xterm", NO_COLOR: undefined, CI: undefined },
    });
    onTestFinished(() => void terminal.kill("SIGKILL"));
    let shown = "";
    terminal.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    // The first frames may be of books that are still empty.
    const bars = /[█-▏]/;
    const isWhole = (text: string) =>
      text.split("\r\n").length === 30 &&
      /SOL-USD.*open/.test(text) &&
      text.includes("q ends") &&
      text.split("\r\n").filter((row) => bars.test(row)).length > 10;
    const frame = await eventually(() => shown.split("\u001b[H").findLast(isWhole), {
      what: "a whole frame",
      deadlineMs: 20_000,
    });
    // Both books beside each other, asks in red and bids in green.
    expect(frame.split("\r\n").filter((row) => row.includes("spread"))).toHaveLength(1);
    for (const color of ["\u001b[31m", "\u001b[32m"]) expect(frame).toContain(color);
    const [device = ""] = /^\/dev\/\S+/.exec(shown) ?? [];
    await promisify(execFile)("stty", ["-F", device, "rows", "14", "cols", "50"]);
    const small = await eventually(
      () => shown.split("\u001b[H").findLast((text) => text.split("\r\n").length === 14),
      { what: "a frame of the new size" },
    );
    expect(small).toContain("and 1 more; a larger terminal shows them");
    const rows = stripVTControlCharacters(small).split("\r\n");
    expect(Math.max(...rows.map((row) => row.trimEnd().length))).toBeLessThanOrEqual(50);
    terminal.stdin.write(key);
    await once(terminal, "close");
    expect(terminal.exitCode).toBe(0);
    expect(shown).toContain("\u001b[?7h\u001b[?25h\u001b[?1049l");
  });
});
