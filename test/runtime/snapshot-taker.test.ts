import { mkdirSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { eventually } from "../support/eventually.ts";
import { FlowRig, type FlowRigOptions, testInstrument } from "../support/flow-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { addBatches, copyOfLog, snapshotNames, snapshotsAre, warningsInto } from "../support/snapshot-rig.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Told {
  taken: number;
  failed: number;
  readonly warnings: { readonly message: string }[];
}

async function startRig(
  options: FlowRigOptions = {},
): Promise<{ rig: FlowRig; snapshots: string; told: Told }> {
  const snapshots = temporaryFolder();
  const told: Told = { taken: 0, failed: 0, warnings: [] };
  const rig = await FlowRig.start({
    snapshots,
    logger: warningsInto(told.warnings),
    snapshotMetrics: {
      taken: () => void (told.taken += 1),
      failed: () => void (told.failed += 1),
      recovered() {},
    },
    ...options,
  });
  await rig.flow.gate.define(testInstrument("A"));
  return { rig, snapshots, told };
}

/** A log whose digest is told when the test says so: what needs it waits in the midst of a snapshot. */
class HeldLog extends MemoryLog {
  readonly #digest = Promise.withResolvers<string>();
  asked = 0;

  constructor() {
    super({ clock: new ManualClock(), retain: true });
  }

  override digestAt(): Promise<string> {
    this.asked += 1;
    return this.#digest.promise;
  }

  release(): void {
    this.#digest.resolve("");
  }
}

test("one is taken after so many log entries, and not again before there are as many more", async () => {
  const { rig, snapshots, told } = await startRig({ limits: { snapshotEveryBatches: 10 } });
  await addBatches(rig, "A", 7);
  await rig.clock.settle();
  expect(snapshotNames(snapshots)).toEqual([]);
  await addBatches(rig, "A", 1);
  await snapshotsAre(snapshots, [10]);
  await addBatches(rig, "A", 9);
  await rig.clock.settle();
  expect(snapshotNames(snapshots).length).toBe(1);
  await rig.flow.stop();
  expect(told).toEqual({ taken: 1, failed: 0, warnings: [] });
});

test("one is taken after so much time, where anything came", async () => {
  const { rig, snapshots, told } = await startRig({ limits: { snapshotEverySeconds: 60 } });
  await rig.clock.pass(60_000);
  await snapshotsAre(snapshots, [2]);
  await eventually(() => told.taken === 1);
  await rig.clock.pass(180_000, 60_000);
  expect(told.taken).toBe(1);
  await addBatches(rig, "A", 1);
  await rig.clock.pass(60_000);
  await snapshotsAre(snapshots, [2, 3]);
  await rig.flow.stop();
});

test("the newest are kept, with the log from the oldest of them on, once there are enough", async () => {
  const { rig, snapshots } = await startRig({ limits: { snapshotEveryBatches: 10, snapshotsKept: 2 } });
  await addBatches(rig, "A", 8);
  await snapshotsAre(snapshots, [10]);
  expect(rig.log.startIndex).toBe(0);
  await addBatches(rig, "A", 10);
  await eventually(() => rig.log.startIndex === 10);
  await snapshotsAre(snapshots, [10, 20]);
  await addBatches(rig, "A", 10);
  await eventually(() => rig.log.startIndex === 20);
  await snapshotsAre(snapshots, [20, 30]);
  await rig.flow.stop();
});

test("those of a server before count among the kept", async () => {
  const limits = { snapshotEveryBatches: 10, snapshotsKept: 2 };
  const { rig, snapshots } = await startRig({ limits });
  await addBatches(rig, "A", 8);
  await snapshotsAre(snapshots, [10]);
  await rig.flow.stop();
  const log = await copyOfLog(rig.log);
  const again = await FlowRig.start({ limits, snapshots, log });
  await addBatches(again, "A", 10);
  await eventually(() => log.startIndex === 10);
  await snapshotsAre(snapshots, [10, 20]);
  await again.flow.stop();
});

test("a long replay is followed by a snapshot, so that the next start has less to do", async () => {
  const { rig } = await startRig();
  await addBatches(rig, "A", 20);
  await rig.flow.stop();
  const snapshots = temporaryFolder();
  const log = await copyOfLog(rig.log);
  const again = await FlowRig.start({ limits: { snapshotEveryBatches: 10 }, snapshots, log });
  await snapshotsAre(snapshots, [22]);
  await again.flow.stop();
});

/** A log that says of itself that its entries are large. */
class LargeLog extends HeldLog {
  override get bytes(): number {
    return (this.endIndex - this.startIndex) * 20_000;
  }
}

test("a log that is half full is shortened to the newest, where the older would hold too much of it", async () => {
  const log = new LargeLog();
  const limits = { logMaxBytes: 1024 * 1024, snapshotsKept: 3 };
  const { rig, snapshots, told } = await startRig({ log, limits });
  // A sixth of the bound are 9 entries. While the first one is written, the log grows beyond its half.
  await addBatches(rig, "A", 7);
  await eventually(() => log.asked > 0);
  await addBatches(rig, "A", 25);
  expect(log.startIndex).toBe(0);
  log.release();
  await eventually(() => log.startIndex === 9);
  await snapshotsAre(snapshots, [9]);
  expect(told.warnings).toMatchObject([
    { message: expect.stringContaining("only the newest snapshot is kept") },
  ]);
  await rig.flow.stop();
});

test("a log that has become nearly full while one was taken is shortened by the next, which does not wait", async () => {
  const log = new LargeLog();
  const { rig, snapshots } = await startRig({ log, limits: { logMaxBytes: 1024 * 1024, snapshotsKept: 2 } });
  await addBatches(rig, "A", 13);
  await eventually(() => log.asked > 0);
  await addBatches(rig, "A", 45);
  log.release();
  await eventually(() => log.startIndex === 60);
  await snapshotsAre(snapshots, [60]);
  await rig.flow.stop();
});

test("one that fails is a warning: ingest goes on, and it is tried again", async () => {
  const { rig, snapshots, told } = await startRig({ limits: { snapshotEveryBatches: 10 } });
  rmSync(snapshots, { recursive: true });
  await addBatches(rig, "A", 30);
  await eventually(() => told.failed === 1);
  await addBatches(rig, "A", 30);
  expect(told).toMatchObject({
    failed: 1,
    warnings: [{ message: expect.stringContaining("trying again later") }],
  });
  mkdirSync(snapshots);
  await rig.clock.pass(30_000);
  await snapshotsAre(snapshots, [62]);
  await rig.flow.stop();
});

test("a stop in the midst of one leaves nothing of it", async () => {
  const log = new HeldLog();
  const { rig, snapshots, told } = await startRig({ log, limits: { snapshotEveryBatches: 10 } });
  await addBatches(rig, "A", 10);
  await eventually(() => log.asked > 0);
  const stopped = rig.flow.stop();
  log.release();
  await stopped;
  expect(snapshotNames(snapshots)).toEqual([]);
  expect(told).toEqual({ taken: 0, failed: 0, warnings: [] });
});

test("an engine that fails in the midst of one leaves nothing of it", async () => {
  const log = new HeldLog();
  const { rig, snapshots, told } = await startRig({ log, limits: { snapshotEveryBatches: 10 } });
  await addBatches(rig, "A", 10);
  await eventually(() => log.asked > 0);
  await log.append(new ArrayBuffer(3));
  await eventually(() => rig.failures.length === 1);
  log.release();
  await eventually(() => snapshotNames(snapshots).length === 0);
  expect(told).toEqual({ taken: 0, failed: 0, warnings: [] });
  await rig.flow.stop();
});

test("what comes while one is taken may be enough for the next", async () => {
  const log = new HeldLog();
  const { rig, snapshots } = await startRig({ log, limits: { snapshotEveryBatches: 10 } });
  await addBatches(rig, "A", 8);
  await eventually(() => log.asked > 0);
  await addBatches(rig, "A", 12);
  log.release();
  await snapshotsAre(snapshots, [10, 22]);
  await rig.flow.stop();
});

test("instruments that are defined while one is taken are in the next, or in the replay", async () => {
  const log = new HeldLog();
  const { rig, snapshots } = await startRig({ log, limits: { snapshotEveryBatches: 10 } });
  await addBatches(rig, "A", 8);
  await eventually(() => log.asked > 0);
  await rig.flow.gate.define(testInstrument("B"));
  await addBatches(rig, "B", 3);
  await addBatches(rig, "A", 3);
  log.release();
  await snapshotsAre(snapshots, [10]);
  await rig.flow.stop();
  const again = await FlowRig.start({ snapshots, log: await copyOfLog(log, 10) });
  expect(again.engine.stateHashes()).toEqual(rig.engine.stateHashes());
  expect(again.flow.stateHash()).toEqual(rig.flow.stateHash());
  await again.flow.stop();
});
