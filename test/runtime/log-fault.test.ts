import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openSqliteLog } from "../../src/runtime/threads/log-worker.ts";
import { eventually } from "../support/eventually.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { healthClient, HealthStatus } from "../support/health-client.ts";
import { startTestServer } from "../support/start-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const INGEST = "depthcast.v1.IngestService";
const MARKET_DATA = "depthcast.v1.MarketDataService";

/** A batch of some 27 KB. */
const largeBatch = () =>
  testBatch(
    "X",
    Array.from({ length: 1000 }, () => addOrder(1, 100, 5)),
  );

describe.each([[0], [2]])("a log that takes nothing any more, with %i gateway threads", (gateways) => {
  test("is told to who asks for readiness, until it takes events again; consumers keep what there is", async () => {
    const bytesMax = 400_000;
    const log = await openSqliteLog({ path: join(temporaryFolder(), "log.db"), bytesMax });
    const server = await startTestServer({ log, gateways, instruments: [testInstrument("X")] });
    const health = healthClient(server.grpcAddress);
    const watch = health.watch(INGEST);
    onTestFinished(() => watch.cancel());
    const readiness = async () => {
      const response = await fetch(`${server.httpUrl}/readyz`);
      return { status: response.status, text: await response.text() };
    };
    expect(await readiness()).toMatchObject({ status: 200 });

    const { ingest } = server.running;
    const fill = async () => {
      for (;;) await ingest.openStream(() => {}).submit(largeBatch());
    };
    await expect(fill()).rejects.toMatchObject({
      code: "resource_exhausted",
      message: expect.stringContaining(`logMaxBytes is ${bytesMax}`) as string,
    });
    await eventually(async () => (await readiness()).status === 503);
    expect((await readiness()).text).toMatch(
      /"order log: the order log .* holds [0-9]+ bytes, and logMaxBytes/,
    );
    expect(await health.check("")).toBe(HealthStatus.notServing);
    expect(await health.check(INGEST)).toBe(HealthStatus.notServing);
    expect(await health.check(MARKET_DATA)).toBe(HealthStatus.serving);
    expect((await fetch(`${server.httpUrl}/v1/book/X`)).status).toBe(200);

    await log.truncate(log.endIndex);
    await eventually(async () => (await readiness()).status === 200);
    await ingest.openStream(() => {}).submit(largeBatch());
    await eventually(() => watch.statuses.length === 3);
    expect(watch.statuses).toEqual([HealthStatus.serving, HealthStatus.notServing, HealthStatus.serving]);
    expect(await health.check("")).toBe(HealthStatus.serving);
  });
});
