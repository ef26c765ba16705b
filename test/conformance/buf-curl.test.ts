import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startTestServer } from "../support/start-server.ts";

/** `buf curl`: a gRPC client that shares no code with us or with grpc-js, and learns all by reflection. */
const bufPackage = createRequire(import.meta.url).resolve("@bufbuild/buf/package.json");
const bufPath = join(dirname(bufPackage), "bin", "buf");

/** Runs `buf curl`; the output so far can be looked at while it runs. */
function bufCurl(address: string, args: readonly string[], input?: string) {
  const [method = "", ...more] = args;
  const url = `http://${address}${method.startsWith("-") ? "" : `/${method}`}`;
  const options = method.startsWith("-") ? [method, ...more] : more;
  const child = spawn(
    process.execPath,
    [bufPath, "curl", "--protocol", "grpc", "--http2-prior-knowledge", ...options, url],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  onTestFinished(() => void child.kill());
  const run = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (run.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (run.stderr += data.toString()));
  child.stdin.end(input ?? "");
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { run, exit };
}

async function answer(address: string, args: readonly string[], input?: string): Promise<string> {
  const { run, exit } = bufCurl(address, args, input);
  const code = await exit;
  if (code !== 0) throw new Error(`buf curl ended with ${code}: ${run.stderr}`);
  return run.stdout;
}

const BATCHES = [
  {
    symbol: "BTC-USD",
    events: [
      {
        action: "ORDER_ACTION_ADD",
        order_id: "1",
        side: "SIDE_BID",
        price: "6183763",
        quantity: "378826000",
      },
      { action: "ORDER_ACTION_ADD", order_key: "b-2", side: "SIDE_ASK", price: "6183764", quantity: "1" },
      { action: "ORDER_ACTION_ADD", order_id: "3", side: "SIDE_BID", price: "6183764", quantity: "1" },
    ],
  },
  { symbol: "BTC-USD", events: [{ action: "ORDER_ACTION_DELETE", order_key: "b-2" }] },
];

describe("buf curl", () => {
  it("lists the services, defines, ingests a client stream and receives a Subscribe stream", async () => {
    const { grpcAddress } = await startTestServer();
    const methods = await answer(grpcAddress, ["--list-methods"]);
    for (const method of [
      "depthcast.v1.IngestService/IngestAcked",
      "depthcast.v1.MarketDataService/Subscribe",
      "grpc.health.v1.Health/Check",
    ]) {
      expect(methods).toContain(method);
    }
    const health = await answer(grpcAddress, ["grpc.health.v1.Health/Check", "-d", "{}"]);
    expect(JSON.parse(health)).toEqual({ status: "SERVING" });

    const instrument = { symbol: "BTC-USD", price_scale: 2, quantity_scale: 8 };
    const define = ["depthcast.v1.IngestService/DefineInstrument", "-d", JSON.stringify({ instrument })];
    expect(JSON.parse(await answer(grpcAddress, define))).toMatchObject({
      instrument: { symbol: "BTC-USD", crossPolicy: "CROSS_POLICY_REJECT" },
    });

    const input = BATCHES.map((batch) => JSON.stringify(batch)).join("\n");
    const ingest = ["depthcast.v1.IngestService/Ingest", "-d", "@-"];
    expect(JSON.parse(await answer(grpcAddress, ingest, input))).toMatchObject({
      acceptedEvents: "3",
      rejectedEvents: "1",
      rejections: [{ batchNumber: "1", eventIndex: 2, reason: "REJECT_REASON_CROSSED_BOOK" }],
      positions: [{ symbol: "BTC-USD", position: { sequence: "3" } }],
    });

    const acked = await answer(grpcAddress, ["depthcast.v1.IngestService/IngestAcked", "-d", "@-"], input);
    expect(acked.match(/"batchNumber"/g)).not.toBeNull();

    const request = JSON.stringify({
      subscriptions: [{ symbol: "BTC-USD", depth: 5, interval_ms: 0, id: "mine" }],
    });
    const { run } = bufCurl(grpcAddress, ["depthcast.v1.MarketDataService/Subscribe", "-d", request]);
    await eventually(() => run.stdout.includes('"snapshot"'));
    expect(run.stdout).toContain('"id": "mine"');
    expect(run.stdout).toContain('"price": "6183763"');
    await answer(
      grpcAddress,
      ingest,
      JSON.stringify({ symbol: "BTC-USD", events: [{ action: "ORDER_ACTION_CLEAR" }] }),
    );
    await eventually(() => run.stdout.includes('"delta"') && run.stdout.includes('"mergedIntervals": 1'));
  });

  it("shows an error with its details", async () => {
    const { grpcAddress } = await startTestServer();
    const call = ["depthcast.v1.MarketDataService/GetSnapshot", "-d", '{"symbol":"NOPE"}'];
    const { run, exit } = bufCurl(grpcAddress, call);
    expect(await exit).not.toBe(0);
    expect(run.stderr).toContain("not_found");
    expect(run.stderr).toContain("google.rpc.ErrorInfo");
  });
});
