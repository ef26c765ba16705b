import { expect, onTestFinished } from "vitest";
import { ConsumerProcess } from "./consumer-process.ts";
import { eventually } from "./eventually.ts";
import { wireBatch } from "./flow-event.ts";
import type { IngestCall } from "./grpc-client.ts";
import { levelFlood } from "./level-flood.ts";
import { ServerProcess } from "./server-process.ts";
import { connectConsumer, connectGrpc, type TestConsumer, transports } from "./test-client.ts";

/** The isolation test, short in `npm test` and long in `npm run test:long`. */
export interface IsolationPlan {
  readonly stalled: number;
  readonly controlMs: number;
  /** How long the stalled consumers are there before they are cut off. */
  readonly stallTimeoutMs: number;
}

export interface IsolationFigures {
  readonly cutOff: number;
  readonly controlMedianMs: number;
  readonly controlP90Ms: number;
  readonly besideMedianMs: number;
  readonly besideP90Ms: number;
  readonly grownMB: number;
}

const symbol = "FLOW";
const levels = 150;
const batchesPerSecond = 100;
const MB = 1_000_000;

export async function runIsolation(plan: IsolationPlan): Promise<IsolationFigures> {
  const server = await ServerProcess.start({ limits: { stallTimeoutMs: plan.stallTimeoutMs } });
  const producer = connectGrpc(server);
  await producer.defineInstrument({ symbol, crossPolicy: "flag" });
  const ingest = producer.openIngest();
  const delays = new Delays();
  const healthy: TestConsumer[] = [];
  for (const transport of transports) {
    for (const intervalMs of [0, 50]) {
      const subscription = { symbol, depth: levels, intervalMs };
      const consumer = await connectConsumer(server, transport, [subscription], (update) => {
        if (update.kind === "delta" && intervalMs === 0) delays.add(update.sourceTimeUnixNanos);
      });
      healthy.push(consumer);
    }
  }
  await runFlow(ingest, 1000, delays); // warms up
  delays.take();
  await runFlow(ingest, plan.controlMs, delays);
  const control = delays.take();

  const subscriptions = [{ symbol, depth: levels, intervalMs: 50 }];
  const share = Math.ceil(plan.stalled / 4);
  const stalled = await ConsumerProcess.start({
    addresses: server,
    subscriptions,
    groups: [
      { transport: "grpc", count: share * 2, reading: { mode: "always" } },
      { transport: "json", count: share, reading: { mode: "always" } },
      { transport: "proto", count: share, reading: { mode: "always" } },
    ],
  });
  onTestFinished(() => stalled.stop());
  stalled.freeze();
  delays.take();
  const gauge = async (name: string): Promise<number> => (await server.metrics()).sum(name);
  // Until the kernel and the HTTP/2 windows hold all that they can for the stalled.
  await flowUntil(
    async () => {
      const stalledLeft = (await gauge("depthcast_consumers")) - healthy.length;
      return (await gauge("depthcast_consumers_unwritable")) >= stalledLeft;
    },
    () => runFlow(ingest, 250, delays),
  );
  const memoryFull = await server.memory();
  await runFlow(ingest, plan.stallTimeoutMs * 0.7, delays);
  const memoryEnd = await server.memory();
  await flowUntil(
    async () => (await gauge("depthcast_consumers")) <= healthy.length,
    () => runFlow(ingest, 250, delays),
  );
  const beside = delays.take();
  const cutOff = (await server.metrics()).sum("depthcast_consumers_cut_off_total", 'reason="stalled"');
  await ingest.end();
  for (const { books } of healthy) books.check();
  expect(healthy.map((consumer) => consumer.ended())).toEqual(healthy.map(() => undefined));
  stalled.thaw();
  const reports = await eventually(async () => {
    const all = await stalled.report();
    return all.every(({ ended }) => ended !== "") && all;
  });
  for (const { transport, ended } of reports) {
    if (transport === "grpc") expect(ended).toBe("RESOURCE_EXHAUSTED");
    else expect(["4008", "1006"]).toContain(ended);
  }
  expect(cutOff).toBe(reports.length);
  // Once their windows were full, nothing more was kept for them.
  expect(memoryEnd.held - memoryFull.held).toBeLessThan(10 * MB);
  // Generous, because machines that run tests are busy: what is ruled out is waiting for the stalled, which
  // would be seconds.
  expect(beside.median).toBeLessThan(control.median * 4 + 25);
  expect(beside.p90).toBeLessThan(control.p90 * 4 + 100);
  return {
    cutOff: reports.length,
    controlMedianMs: control.median,
    controlP90Ms: control.p90,
    besideMedianMs: beside.median,
    besideP90Ms: beside.p90,
    grownMB: (memoryEnd.held - memoryFull.held) / MB,
  };
}

/** Goes on with `flow` until `reached`, for a minute at most over what the plan takes. */
async function flowUntil(reached: () => Promise<boolean>, flow: () => Promise<void>): Promise<void> {
  const start = performance.now();
  while (!(await reached())) {
    if (performance.now() - start > 60_000) throw new Error("the stalled consumers did not get there");
    await flow();
  }
}

/** Sends at a steady rate; each batch carries the time at which it was sent. */
async function runFlow(ingest: IngestCall, forMs: number, delays: Delays): Promise<void> {
  const start = performance.now();
  for (let sent = 0; performance.now() - start < forMs; sent += 1) {
    const sourceTimeUnixNanos = String(delays.now());
    await ingest.write({ ...wireBatch(symbol, levelFlood(sent, levels)), sourceTimeUnixNanos });
    const dueMs = start + ((sent + 1) * 1000) / batchesPerSecond;
    await new Promise((resolve) => {
      setTimeout(resolve, Math.max(0, dueMs - performance.now()));
    });
  }
}

/** From a batch leaving its producer to being in a consumer's book, in milliseconds. */
class Delays {
  #values: number[] = [];

  now(): bigint {
    return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
  }

  add(sourceTimeUnixNanos: bigint): void {
    this.#values.push(Number(this.now() - sourceTimeUnixNanos) / 1e6);
  }

  take(): { median: number; p90: number } {
    const sorted = this.#values.toSorted((a, b) => a - b);
    this.#values = [];
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
    return { median: at(0.5), p90: at(0.9) };
  }
}
