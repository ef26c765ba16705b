import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { DepthcastError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import { openSqliteLog } from "../../src/runtime/threads/log-worker.ts";
import { eventually } from "../support/eventually.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { type TestServer, startTestServer } from "../support/start-server.ts";
import { connectConsumer, transports } from "../support/test-client.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const SYMBOLS = ["A", "B", "C"] as const;

interface Layout {
  readonly gateways: number;
  readonly engines: number;
}
const ONE_THREAD: Layout = { gateways: 0, engines: 1 };
const THREADS: Layout = { gateways: 2, engines: 2 };

async function startAt(path: string, layout: Layout, limits: Partial<Limits> = {}): Promise<TestServer> {
  return startTestServer({
    ...layout,
    log: await openSqliteLog({
      path,
      ...(limits.logMaxBytes !== undefined && { bytesMax: limits.logMaxBytes }),
    }),
    snapshots: `${path}-snapshots`,
    instruments: SYMBOLS.map((symbol) => testInstrument(symbol)),
    limits: { snapshotEveryBatches: 40, ...limits },
  });
}

/** Batches of a producer for all symbols in turn, from a number on. */
async function produce({ running }: TestServer, id: string, from: number, to: number): Promise<void> {
  const stream = running.ingest.openStream(() => {});
  const outcomes: Promise<unknown>[] = [];
  for (let number = from; number <= to; number++) {
    const symbol = SYMBOLS[number % SYMBOLS.length] as string;
    const order = addOrder(number % 2 === 0 ? 1 : 2, number % 2 === 0 ? 100 : 101 + (number % 7), number);
    outcomes.push(stream.submit(testBatch(symbol, [order], { id, number })));
  }
  await Promise.all(outcomes);
  stream.close();
}

async function sequences(server: TestServer): Promise<readonly unknown[]> {
  return Promise.all(
    SYMBOLS.map(async (symbol) => {
      const book = (await (await fetch(`${server.httpUrl}/v1/book/${symbol}`)).json()) as Record<
        string,
        unknown
      >;
      return [book["epoch"], book["sequence"], book["checksum"]];
    }),
  );
}

function snapshotsOf(path: string): readonly string[] {
  return readdirSync(`${path}-snapshots`).filter((name) => name.endsWith(".snapshot"));
}

describe.each([
  ["on one thread", ONE_THREAD, ONE_THREAD],
  ["on threads", THREADS, THREADS],
  ["from one thread to several", ONE_THREAD, THREADS],
  ["from several threads to one", THREADS, ONE_THREAD],
] as const)("a restart %s", (_, before, after) => {
  test("comes back with the same state, from a snapshot and what came after it", async () => {
    const path = join(temporaryFolder(), "log.db");
    const first = await startAt(path, before);
    await produce(first, "p", 1, 80);
    await eventually(() => snapshotsOf(path).length > 0);
    await produce(first, "p", 81, 150);
    await eventually(() => snapshotsOf(path).length === 2);
    await produce(first, "q", 1, 33);
    const hashes = await first.running.stateHashes();
    const told = await sequences(first);
    await first.stop();

    const second = await startAt(path, after);
    expect(await second.running.stateHashes()).toEqual(hashes);
    expect(await sequences(second)).toEqual(told);
    expect(second.running.epoch).toBe(first.running.epoch);
    expect((await second.running.checkIntegrity()).flatMap(({ faults }) => faults)).toEqual([]);
    const metrics = await second.metrics();
    const replayed = metrics.sum("depthcast_recovery_entries");
    expect(replayed).toBeLessThan(33 + 70);
    expect(metrics.sum("depthcast_batches_applied_total")).toBe(0);
    expect(await second.running.ingest.producerPosition("p")).toBe(150);
    // What is sent again is a duplicate, what is new is applied.
    await produce(second, "p", 140, 160);
    expect((await second.metrics()).sum("depthcast_batches_applied_total")).toBe(10);
    await second.stop();
  });
});

test.each(transports)("a consumer resumes after a restart, over %s", async (transport) => {
  const path = join(temporaryFolder(), "log.db");
  const first = await startAt(path, ONE_THREAD);
  await produce(first, "p", 1, 90);
  const consumer = await connectConsumer(first, transport, [{ symbol: "A", depth: 10, intervalMs: 0 }]);
  await eventually(() => consumer.books.all()[0]?.sequence === 30);
  const had = consumer.books.all()[0]!.position;
  await first.stop();

  const second = await startAt(path, ONE_THREAD);
  await produce(second, "p", 91, 93);
  const again = await connectConsumer(second, transport, [
    { symbol: "A", depth: 10, intervalMs: 0, resume: had },
  ]);
  const book = await eventually(() => again.books.all().find(({ sequence }) => sequence >= had.sequence));
  expect(book.position.epoch).toBe(had.epoch);
  await eventually(() => book.sequence === 31);
  again.books.check();
  await second.stop();
});

test("a log that may not grow is kept short by snapshots, however much comes", async () => {
  const path = join(temporaryFolder(), "log.db");
  const limits = { logMaxBytes: 1024 * 1024, snapshotEveryBatches: 1_000_000 };
  const server = await startAt(path, ONE_THREAD, limits);
  const { ingest } = server.running;
  for (let last = 0; last < 20_000; last = await ingest.producerPosition("p")) {
    // Faster than snapshots can be, so some are refused, and sent again.
    await produce(server, "p", last + 1, last + 200).catch((refusal: DepthcastError) => {
      expect(refusal.code).toMatch(/^(resource_exhausted|failed_precondition|unavailable)$/);
    });
  }
  const metrics = await server.metrics();
  expect(metrics.sum("depthcast_log_bytes")).toBeLessThanOrEqual(limits.logMaxBytes);
  expect(metrics.sum("depthcast_snapshots_failed_total")).toBe(0);
  const hashes = await server.running.stateHashes();
  await server.stop();
  expect(statSync(path).size).toBeLessThan(3 * limits.logMaxBytes);
  const again = await startAt(path, ONE_THREAD, limits);
  expect(await again.running.stateHashes()).toEqual(hashes);
  await again.stop();
});
