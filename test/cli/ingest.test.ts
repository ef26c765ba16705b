import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { GrpcClient } from "../../src/client/grpc-client.ts";
import { closedPort } from "../support/closed-port.ts";
import { CommandProcess, MAIN, runCommand, temporaryFile } from "../support/command-line.ts";
import { CuttableProxy } from "../support/cuttable-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { MortalServer } from "../support/mortal-server.ts";
import type { ProgramResult } from "../support/program.ts";
import { startTestServer } from "../support/start-server.ts";

const LINES = [
  { i: 1, op: "add", id: "17", side: "bid", price: 2237500, qty: 100 },
  { i: 2, op: "add", id: "SA1", side: "ask", price: "223.9", qty: "7", feed: "seed" },
  { i: 3, op: "add", id: "18", side: "bid", price: 2237500, qty: 5 },
  { op: "check", bids: [[2237500, 105]], asks: [["223.9", 7]], full: true },
  { i: 4, op: "upd", id: "17", qty: 60 },
  { op: "check", bids: [[2237500, 65]], asks: [[2239000, 7]], full: true },
  { i: 5, op: "upd", id: "18", price: 2237400 },
  { i: 6, op: "del", id: "SA1" },
  { i: 7, op: "del", id: "nobody" },
  {
    op: "check",
    bids: [
      [2237500, 60],
      [2237400, 5],
    ],
    asks: [],
    full: true,
  },
];
const TEXT = LINES.map((line) => `${JSON.stringify(line)}\n`).join("");
const SCALES = ["--price-scale", "4", "--quantity-scale", "0"];

async function start() {
  const server = await startTestServer();
  const ingest = (
    path: string,
    args: readonly string[] = [],
    input: string | Buffer = "",
  ): Promise<ProgramResult> =>
    runCommand(["ingest", path, "--symbol", "X", ...SCALES, "--server", server.grpcAddress, ...args], {
      input,
    });
  return { server, ingest };
}

describe("depthcast ingest", () => {
  test("defines the instrument, sends a gzip file, verifies, and says what became of it", async () => {
    const { server, ingest } = await start();
    const file = temporaryFile("events.ndjson.gz", gzipSync(TEXT));
    const { code, stdout, stderr } = await ingest(file, ["--verify"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(
      /^accepted {2}6 events\nrefused {3}1 events: 1 UNKNOWN_ORDER\nverified {2}3 of 3 checks\nrate {6}[\d,]+ events\/s over [\d.]+ s\n$/,
    );
    const client = new GrpcClient(server.grpcAddress);
    const { instrument, snapshot } = await client.getSnapshot("X");
    client.close();
    expect(instrument).toMatchObject({ priceScale: 4, quantityScale: 0 });
    expect(snapshot).toMatchObject({
      sequence: 6,
      bids: [{ price: 2237500, quantity: 60 }, { price: 2237400 }],
    });
  });

  test("reads standard input; a book that is not empty wants --clear or --append", async () => {
    const { ingest } = await start();
    expect(await ingest("-", ["--verify=2"], TEXT)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("verified  1 of 1 checks (every 2th of 3)") as unknown,
    });
    const refused = await ingest("-", [], TEXT);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toBe(
      "depthcast: the book of X is not empty; empty it first with --clear, or go on with it with --append\n",
    );
    const cleared = await ingest("-", ["--clear", "--verify"], TEXT);
    expect(cleared).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("accepted  6 events") as unknown,
    });
    const appended = await ingest("-", ["--append"], `${JSON.stringify(LINES[1])}\n`);
    expect(appended.stdout).toContain("accepted  1 events");
  });

  test("a check that does not hold is shown level by level, with exit code 1", async () => {
    const { ingest } = await start();
    const wrong = {
      op: "check",
      bids: [
        [2237500, 104],
        [2237000, 1],
      ],
      asks: [[2239000, 7]],
    };
    const text = [...LINES.slice(0, 3), wrong].map((line) => JSON.stringify(line)).join("\n");
    const { code, stdout, stderr } = await ingest("-", ["--verify"], text);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.split("\n")).toEqual([
      "depthcast: line 4: the book of X at sequence 3 is not what the check says",
      "  side  level  expected                    got",
      "  bid   1      223.7500 x 104              223.7500 x 105",
      "  bid   2      223.7000 x 1                no level",
      "",
    ]);
  });

  test("a malformed line stops it with its number", async () => {
    const { ingest } = await start();
    const { code, stderr } = await ingest("-", [], `${JSON.stringify(LINES[0])}\n\n{"op":"trade"}\n`);
    expect(code).toBe(1);
    expect(stderr).toBe(
      'depthcast: standard input, line 3: "op" must be add, upd, del or check, not "trade"\n',
    );
  });

  test("other scales than the instrument's are refused with the right ones", async () => {
    const { server, ingest } = await start();
    await ingest("-", [], TEXT);
    const args = ["--symbol", "X", "--price-scale", "2", "--quantity-scale", "0", "--append"];
    const { code, stderr } = await runCommand(["ingest", "-", ...args, "--server", server.grpcAddress]);
    expect(code).toBe(1);
    expect(stderr).toContain("X is defined with --price-scale 4 --quantity-scale 0");
  });

  test("--producer counts batches on over runs; --rate holds events back", async () => {
    const { server, ingest } = await start();
    const startedAtMs = performance.now();
    await ingest("-", ["--producer", "p", "--batch-size", "2", "--rate", "20"], TEXT);
    expect(performance.now() - startedAtMs).toBeGreaterThan(250);
    const client = new GrpcClient(server.grpcAddress);
    const before = await client.producerPosition("p");
    expect(before).toBeGreaterThan(3);
    await ingest("-", ["--producer", "p", "--append"], `${JSON.stringify(LINES[1])}\n`);
    expect(await client.producerPosition("p")).toBe(before + 1);
    client.close();
  });

  test("a file that is not there, or holds no text, or a server that is not there", async () => {
    const { ingest } = await start();
    expect((await ingest("/nowhere/x.ndjson")).stderr).toBe(
      "depthcast: cannot read /nowhere/x.ndjson: there is no such file\n",
    );
    expect((await ingest("-", [], Buffer.from([0xff, 0xfe, 0x0a]))).stderr).toContain("it is not UTF-8 text");
    expect((await ingest("-", [], gzipSync(TEXT).subarray(0, 40))).stderr).toContain(
      "unexpected end of file",
    );
    const address = `127.0.0.1:${await closedPort()}`;
    const { code, stderr } = await runCommand([
      "ingest",
      "-",
      "--symbol",
      "X",
      ...SCALES,
      "--server",
      address,
    ]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `depthcast: no depthcast server at ${address}; start one with \`npx depthcast serve\`\n`,
    );
  });
});

describe("depthcast ingest --producer, when the server goes away", () => {
  /** So many levels at one price, each with a check behind it. */
  function levels(from: number, to: number): string {
    let text = "";
    for (let quantity = from; quantity <= to; quantity += 1) {
      const event =
        quantity === 1
          ? { op: "add", id: "1", side: "bid", price: 100, qty: 1 }
          : { op: "upd", id: "1", qty: quantity };
      text += `${JSON.stringify(event)}\n${JSON.stringify({ op: "check", bids: [[100, quantity]], asks: [] })}\n`;
    }
    return text;
  }

  async function startBehindProxy() {
    const server = await startTestServer();
    const proxy = await CuttableProxy.start(server.grpcAddress);
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    const args = ["--symbol", "X", ...SCALES, "--server", proxy.address, "--producer", "p", "--verify"];
    const sequence = async () => (await client.getSnapshot("X")).snapshot.sequence;
    return { server, proxy, args, sequence };
  }

  test("it waits, says so, goes on and ends exactly once", async () => {
    const { server, proxy, args, sequence } = await startBehindProxy();
    const command = new CommandProcess(["ingest", "-", ...args]);
    command.child.stdin.write(levels(1, 20));
    await eventually(async () => (await sequence()) === 20);
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    command.child.stdin.write(levels(21, 40));
    await eventually(() => command.stderr.includes("reconnecting…"));
    proxy.leadTo(server.grpcAddress);
    command.child.stdin.end(levels(41, 50));
    const { code, stdout, stderr } = await command.ended();
    expect(stderr).toMatch(/^depthcast: .+; reconnecting…\ndepthcast: connected again\n$/);
    expect({ code, sequence: await sequence() }).toEqual({ code: 0, sequence: 50 });
    expect(stdout).toContain("verified  50 of 50 checks");
  });

  test("killed and started again, a server with the durable log has it all", {
    timeout: 60_000,
  }, async () => {
    const log = join(temporaryFile("marker", ""), "..", "log.db");
    const server = await MortalServer.create(["--log", `sqlite:${log}`]);
    server.start();
    await server.ready();
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    const args = ["--symbol", "X", ...SCALES, "--server", server.grpcAddress, "--producer", "p", "--verify"];
    const command = new CommandProcess(["ingest", "-", ...args]);
    for (const from of [1, 21, 41]) {
      command.child.stdin.write(levels(from, from + 19));
      await eventually(async () => (await client.getSnapshot("X")).snapshot.sequence > from + 5, {
        deadlineMs: 30_000,
      });
      await server.kill();
      server.start();
      await server.ready();
    }
    command.child.stdin.end();
    const { code, stdout, stderr } = await command.ended();
    expect(stdout + stderr).toContain("verified  60 of 60 checks");
    expect({ code, sequence: (await client.getSnapshot("X")).snapshot.sequence }).toEqual({
      code: 0,
      sequence: 60,
    });
  });

  // util-linux's `script` gives the command a real terminal.
  test.runIf(process.platform === "linux")("on a terminal the progress line says so", async () => {
    const { server, proxy, args, sequence } = await startBehindProxy();
    const file = temporaryFile("levels.ndjson", levels(1, 60));
    const words = [process.execPath, MAIN, "ingest", file, ...args, "--rate", "40"];
    const typed = words.map((word) => `'${word}'`).join(" ");
    const terminal = spawn("script", ["-qec", typed, "/dev/null"], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void terminal.kill("SIGKILL"));
    const ended = once(terminal, "close");
    let shown = "";
    terminal.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    await eventually(async () => (await sequence()) > 5);
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    await eventually(() => /events, [\d,]+\/s.*, reconnecting… \(.+\)/.test(shown));
    proxy.leadTo(server.grpcAddress);
    await ended;
    expect(shown).toContain("verified  60 of 60 checks");
    expect(shown).toContain(`[${"█".repeat(24)}] 100 % read  `);
  });

  test("a server that came back without its log ends it, with what is sure", async () => {
    const { server, proxy, args, sequence } = await startBehindProxy();
    const command = new CommandProcess(["ingest", "-", ...args]);
    command.child.stdin.write(levels(1, 3));
    await eventually(async () => (await sequence()) === 3);
    const forgetful = await startTestServer();
    proxy.leadTo(forgetful.grpcAddress);
    await server.stop();
    command.child.stdin.end(levels(4, 5));
    const { code, stderr } = await command.ended();
    expect(code).toBe(1);
    expect(stderr).toMatch(/\ndepthcast: producer "p" has stopped \(acknowledged up to 3\): the server at /);
  });

  test("ctrl-C ends the wait", async () => {
    const { proxy, args, sequence } = await startBehindProxy();
    const command = new CommandProcess(["ingest", "-", ...args]);
    command.child.stdin.write(levels(1, 3));
    await eventually(async () => (await sequence()) === 3);
    proxy.leadTo(`127.0.0.1:${await closedPort()}`);
    proxy.cut();
    command.child.stdin.write(levels(4, 5));
    await eventually(() => command.stderr.includes("reconnecting…"));
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended();
    expect(code).toBe(130);
    // The acknowledgement of what is in the book may have been on its way when the connection was cut.
    expect(stderr).toMatch(/interrupted: producer "p" is closed \(acknowledged up to [0-3]\)/);
  });
});
