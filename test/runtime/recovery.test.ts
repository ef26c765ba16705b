import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { FlowRig, testInstrument } from "../support/flow-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { addBatches, copyOfLog, snapshotName, snapshotsAre, warningsInto } from "../support/snapshot-rig.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

interface Before {
  readonly rig: FlowRig;
  readonly snapshots: string;
  readonly paths: readonly [older: string, newer: string];
}

/** A server that has taken snapshots at the entries 12 and 22 and has gone on to 25. The log is whole. */
async function serverBefore(): Promise<Before> {
  const snapshots = temporaryFolder();
  const limits = { snapshotEveryBatches: 10, snapshotsKept: 10 };
  const rig = await FlowRig.start({ snapshots, limits });
  await rig.flow.gate.define(testInstrument("A"));
  await addBatches(rig, "A", 10);
  await snapshotsAre(snapshots, [12]);
  await addBatches(rig, "A", 10);
  await snapshotsAre(snapshots, [12, 22]);
  await addBatches(rig, "A", 3);
  await rig.flow.stop();
  return { rig, snapshots, paths: [join(snapshots, snapshotName(12)), join(snapshots, snapshotName(22))] };
}

function flipBit(path: string): void {
  const content = readFileSync(path);
  content[content.length >> 1]! ^= 4;
  writeFileSync(path, content);
}

test("the newest snapshot is where a start begins: nothing before it is read", async () => {
  const { rig, snapshots } = await serverBefore();
  const recovered: number[] = [];
  const again = await FlowRig.start({
    log: await copyOfLog(rig.log, 22),
    snapshots,
    snapshotMetrics: { taken() {}, failed() {}, recovered: (_, entries) => void recovered.push(entries) },
  });
  expect(again.engine.stateHashes()).toEqual(rig.engine.stateHashes());
  expect(again.flow.stateHash()).toEqual(rig.flow.stateHash());
  expect(again.flow.instruments.find("A")).toEqual(rig.flow.instruments.find("A"));
  expect(recovered).toEqual([3]);
  await again.flow.stop();
});

test("a damaged snapshot is warned of, and the start goes back to the one before", async () => {
  const { rig, snapshots, paths } = await serverBefore();
  flipBit(paths[1]);
  const warnings: { readonly message: string }[] = [];
  const again = await FlowRig.start({
    log: await copyOfLog(rig.log, 12),
    snapshots,
    logger: warningsInto(warnings),
  });
  expect(again.engine.stateHashes()).toEqual(rig.engine.stateHashes());
  expect(warnings).toMatchObject([
    {
      snapshot: paths[1],
      reason: expect.stringContaining("is damaged"),
      message: expect.stringContaining("the one before"),
    },
  ]);
  await again.flow.stop();
});

test("with all of them damaged the log is replayed from its start", async () => {
  const { rig, snapshots, paths } = await serverBefore();
  for (const path of paths) flipBit(path);
  const again = await FlowRig.start({ log: await copyOfLog(rig.log), snapshots });
  expect(again.engine.stateHashes()).toEqual(rig.engine.stateHashes());
  await again.flow.stop();
});

test("with all of them damaged and the log's beginning gone the start is refused", async () => {
  const { rig, snapshots, paths } = await serverBefore();
  for (const path of paths) flipBit(path);
  await expect(FlowRig.start({ log: await copyOfLog(rig.log, 12), snapshots })).rejects.toMatchObject({
    code: "failed_precondition",
    details: { reason: "LOG_BEGINNING_MISSING" },
    message: expect.stringMatching(/begins at entry 12: .* none in .* can be used; put back/),
  });
  await expect(FlowRig.start({ log: await copyOfLog(rig.log, 12) })).rejects.toThrow(
    "no folder of them is given",
  );
});

test("a snapshot that is newer than the log is not used, and stays where it is", async () => {
  const { rig, snapshots } = await serverBefore();
  const log = new MemoryLog({ clock: new ManualClock(), retain: true });
  for await (const { index, record } of rig.log.read(0)) if (index < 15) await log.append(record.slice(0));
  const warnings: { readonly message: string }[] = [];
  const again = await FlowRig.start({ log, snapshots, logger: warningsInto(warnings) });
  const fromStart = await FlowRig.start({ log: await copyOfLog(log) });
  expect(again.engine.stateHashes()).toEqual(fromStart.engine.stateHashes());
  expect(warnings).toMatchObject([{ reason: expect.stringContaining("the order log ends at 15") }]);
  await again.flow.stop();
  await snapshotsAre(snapshots, [12, 22]);
});

test("a snapshot under another name is not used: what is kept is told by the names", async () => {
  const { rig, snapshots, paths } = await serverBefore();
  copyFileSync(paths[0], paths[1]);
  const warnings: { readonly message: string }[] = [];
  const again = await FlowRig.start({
    log: await copyOfLog(rig.log),
    snapshots,
    logger: warningsInto(warnings),
  });
  expect(warnings).toMatchObject([{ reason: expect.stringContaining("entries up to 12") }]);
  expect(again.engine.stateHashes()).toEqual(rig.engine.stateHashes());
  await again.flow.stop();
});
