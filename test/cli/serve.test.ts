import { describe, expect, test } from "vitest";
import { CommandProcess, runCommand, serveCommand, temporaryFile } from "../support/command-line.ts";
import { eventually } from "../support/eventually.ts";

async function getJson(url: string, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(url.replace(/^ws/, "http").replace("/v1/ws", path));
  return (await response.json()) as Record<string, unknown>;
}

describe("depthcast serve", () => {
  test("tells where it listens and what to try; ctrl-C ends it in order", async () => {
    const { command, url } = await serveCommand(["--instrument", "X:2:3:flag"]);
    expect(command.stdout).toContain(`npx depthcast watch X --url ${url}`);
    expect(await getJson(url, "/v1/instruments")).toMatchObject({
      instruments: [{ symbol: "X", priceScale: 2, quantityScale: 3, crossPolicy: "flag" }],
    });
    command.child.kill("SIGINT");
    const { code, stderr } = await command.ended();
    expect(code).toBe(0);
    expect(stderr).toContain("stopping; ctrl-C again stops at once");
  });

  test("a flag counts before the environment, and that before the file", async () => {
    const file = temporaryFile(
      "depthcast.json",
      JSON.stringify({ depthMax: 31, depthDefault: 7, heartbeatIntervalMs: 777, instruments: ["F:1:1"] }),
    );
    const environment = { DEPTHCAST_CONFIG: file, DEPTHCAST_DEPTH_MAX: "32", DEPTHCAST_DEPTH_DEFAULT: "8" };
    const { url } = await serveCommand(["--depth-max", "33"], environment);
    expect(await getJson(url, "/v1/book/F?depth=33")).toMatchObject({ type: "snapshot" });
    expect(JSON.stringify(await getJson(url, "/v1/book/F?depth=34"))).toContain("33");
  });

  test("a port that is taken is one line and exit code 1", async () => {
    const { grpc } = await serveCommand();
    const { code, stderr } = await runCommand([
      "serve",
      "--grpc",
      grpc,
      "--http",
      "127.0.0.1:0",
      "--log",
      "memory",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^depthcast: .*\n$/);
    expect(stderr).toContain(grpc.split(":")[1]);
  });

  test("warns that others can reach it", async () => {
    const command = new CommandProcess([
      "serve",
      "--grpc",
      "127.0.0.1:0",
      "--http",
      "0.0.0.0:0",
      "--log",
      "memory",
    ]);
    await command.printed(/ready/);
    await eventually(() => command.stderr.includes("there is no authentication"));
  });

  test("--demo feeds three symbols through gRPC, deep and uncrossed", async () => {
    const { command, url } = await serveCommand(["--demo", "--debug-integrity", "--demo-rate", "4000"]);
    expect(command.stdout).toContain("BTC-USD, ETH-USD, SOL-USD");
    const book = await eventually(async () => {
      const snapshot = await getJson(url, "/v1/book/SOL-USD?depth=50");
      return Number(snapshot["sequence"]) > 2500 ? snapshot : undefined;
    });
    expect(book).toMatchObject({ state: "open" });
    expect((book["bids"] as unknown[]).length).toBe(50);
    expect(JSON.stringify(await getJson(url, "/debug/integrity"))).toContain("SOL-USD");
    command.child.kill("SIGTERM");
    expect(await command.ended()).toMatchObject({ code: 0 });
  });
});

test("what npm start runs without arguments is the demo", async () => {
  const command = new CommandProcess([], {
    npm_lifecycle_event: "start",
    DEPTHCAST_GRPC: "127.0.0.1:0",
    DEPTHCAST_HTTP: "127.0.0.1:0",
  });
  await command.printed(
    /log +memory: everything is forgotten at the end; --log sqlite:FILE keeps it\n *symbols +BTC-USD, ETH-USD, SOL-USD/,
  );
});
