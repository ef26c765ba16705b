import { expect, it, onTestFinished } from "vitest";
import { GrpcClient } from "../../src/client/grpc-client.ts";
import { IngestStream } from "../../src/client/ingest-stream.ts";
import { OrderAction, Side } from "../../src/book/order-events.ts";
import { AskedChild } from "../support/asked-child.ts";
import { eventually } from "../support/eventually.ts";
import { testInstrument } from "../support/flow-rig.ts";
import { ServerProcess } from "../support/server-process.ts";
import type { StormCommand, StormReport } from "../support/storm-clients.ts";

const CLIENTS = 2000;
const PROCESSES = 2;
/** On two busy cores, of which the clients themselves take most. */
const AWAY_MAX_MS = 30_000;
const LOOP_DELAY_MAX_MS = 2000;

/** The defaults of the SDK, unless one tries others: `STORM_BACKOFF=100,5000`. */
const [firstDelayMs, delayMaxMs] = (process.env["STORM_BACKOFF"] ?? "").split(",").map(Number);
const backoff = firstDelayMs && delayMaxMs ? { firstDelayMs, delayMaxMs } : {};

it(`${CLIENTS} clients that are cut off at once are back within bounds, each with the right book`, async () => {
  const server = await ServerProcess.start({
    gateways: 1,
    engines: 1,
    limits: { heartbeatIntervalMs: 10_000 },
  });
  const instrument = testInstrument("A");
  const grpc = new GrpcClient(server.grpcAddress);
  onTestFinished(() => grpc.close());
  await grpc.defineInstrument(instrument);
  await bid(server, 1);

  const clients = CLIENTS / PROCESSES / 2;
  const script = new URL("../support/storm-clients-child.ts", import.meta.url);
  const children = Array.from({ length: PROCESSES }, () => new AskedChild<StormCommand, StormReport>(script));
  const webSocket = `${server.httpUrl.replace("http", "ws")}/v1/ws`;
  const addresses = [`grpc://${server.grpcAddress}`, webSocket].map((address) => ({
    address,
    symbol: "A",
    clients,
  }));
  await Promise.all(children.map((child) => child.ask({ op: "open", addresses, backoff })));
  const reports = (sequence: number) =>
    Promise.all(children.map((child) => child.ask({ op: "report", sequence })));
  await eventually(async () => sum(await reports(1), ({ current }) => current) === CLIENTS);

  await server.killGateway(0);
  const back = await eventually(
    async () => {
      const all = await reports(1);
      return sum(all, ({ awayMs }) => awayMs.length) >= CLIENTS && all;
    },
    { deadlineMs: 120_000, what: "every client is live again" },
  );
  const loopDelayMs =
    1000 * (await server.metrics()).max("depthcast_event_loop_delay_seconds", /quantile="1"/);
  const awayMs = back.flatMap((report) => report.awayMs).toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(awayMs[Math.floor(part * (awayMs.length - 1))] ?? 0);
  process.stdout.write(
    `away: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms; event loop late by ${Math.round(loopDelayMs)} ms at most; ` +
      `failed connections ${JSON.stringify(back.map(({ failures }) => failures))}\n`,
  );
  expect(back.flatMap(({ problems }) => problems)).toEqual([]);
  expect(at(1)).toBeLessThan(AWAY_MAX_MS);
  expect(loopDelayMs).toBeLessThan(LOOP_DELAY_MAX_MS);

  // Through the new gateway, to each of them.
  await bid(server, 2);
  const all = await eventually(
    async () => {
      const now = await reports(2);
      return sum(now, ({ current }) => current) === CLIENTS && now;
    },
    { deadlineMs: 30_000, what: "every client has the newest book" },
  );
  expect(new Set(all.flatMap(({ books }) => books))).toEqual(new Set(["1.02 x 7,1.01 x 7"]));
});

async function bid(server: ServerProcess, orderId: number): Promise<void> {
  const client = new GrpcClient(server.grpcAddress);
  const stream = await IngestStream.open(client);
  const order = { side: Side.bid, price: 100 + orderId, quantity: 7 };
  await stream.write("A", { action: OrderAction.add, orderId: BigInt(orderId), ...order });
  await stream.settle();
  client.close();
}

function sum(reports: readonly StormReport[], of: (report: StormReport) => number): number {
  return reports.reduce((total, report) => total + of(report), 0);
}
