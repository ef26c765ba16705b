import { describe, expect, test } from "vitest";
import { temporaryFile } from "../support/command-line.ts";
import { DiskFaultRig } from "../support/disk-fault-rig.ts";
import { eventually } from "../support/eventually.ts";
import { type DiskFault, FaultyDisk } from "../support/faulty-disk.ts";
import { MortalServer } from "../support/mortal-server.ts";
import { SmallDisk } from "../support/small-disk.ts";

const MiB = 1024 * 1024;
/** Enough that snapshots and truncation happen; each keeps some space for the next. */
const SETTINGS = ["--snapshot-every-batches", "2000", "--snapshot-every-seconds", "1"];

describe.runIf(SmallDisk.isPossible())("a full disk", { timeout: 90_000 }, () => {
  test.each([
    ["one process", []],
    ["2 gateways, 2 engines", ["--gateways", "2", "--engines", "2"]],
  ])("holds ingest and nothing else, and ingest goes on when there is space: %s", async (_name, threads) => {
    const disk = SmallDisk.mount(24 * MiB);
    const rig = await DiskFaultRig.start(disk.folder, { args: [...SETTINGS, ...threads] });
    rig.pump();
    await eventually(async () => (await rig.sequence()) > 5000);
    for (let round = 1; round <= 3; round += 1) {
      disk.fill();
      const cause = await rig.refused();
      expect(cause).toMatchObject({ code: "resource_exhausted", details: { reason: "LOG_DISK_FULL" } });
      expect(cause.message).toContain(rig.logPath);
      expect(cause.message).toContain("the disk is full");
      await rig.expectNoFalseAcknowledgement();
      await rig.expectServed();
      const { status, reasons } = await rig.readiness();
      expect({ status, reasons: reasons.join() }).toEqual({
        status: 503,
        reasons: expect.stringContaining("the disk is full") as unknown,
      });
      disk.free();
      const held = rig.producer.acknowledgedBatch;
      await eventually(() => rig.producer.acknowledgedBatch > held + 100, { what: "ingest goes on" });
      await eventually(async () => (await rig.readiness()).status === 200, { what: "it is ready again" });
    }
    await rig.flush();
    await rig.expectAll();
    await rig.restart();
    await rig.expectAll();
  });

  test("and a kill while it is full: nothing acknowledged is lost", async () => {
    const disk = SmallDisk.mount(24 * MiB);
    const rig = await DiskFaultRig.start(disk.folder, { args: SETTINGS });
    rig.pump();
    await eventually(async () => (await rig.sequence()) > 5000);
    disk.fill();
    await rig.refused();
    await rig.server.kill();
    // Whether it can start without space is its own affair, but it must not make a mess.
    rig.server.start();
    await rig.server.ready().catch((refusal: unknown) => {
      expect(String(refusal)).toContain("the disk is full");
    });
    await rig.server.kill();
    disk.free();
    rig.server.start();
    await rig.server.ready();
    await rig.flush();
    await rig.expectAll();
  });

  test("a disk that is read-only refuses a start with a message, and nothing is harmed", async () => {
    const disk = SmallDisk.mount(24 * MiB);
    const rig = await DiskFaultRig.start(disk.folder, { args: SETTINGS });
    rig.pump();
    await eventually(async () => (await rig.sequence()) > 5000);
    await rig.server.kill();
    disk.setReadOnly(true);
    rig.server.start();
    await expect(rig.server.ready()).rejects.toThrow(/read-only/);
    disk.setReadOnly(false);
    rig.server.start();
    await rig.server.ready();
    await rig.flush();
    await rig.expectAll();
  });
});

describe.runIf(FaultyDisk.isPossible())("a disk that fails", { timeout: 90_000 }, () => {
  const faults: readonly (readonly [fault: DiskFault, code: string, message: RegExp])[] = [
    [{ kind: "error", code: "EIO" }, "unavailable", /see to the disk/],
    [{ kind: "error", code: "EROFS" }, "unavailable", /see to the disk|read-only/],
  ];
  test.each(faults)("under a running server, for a while: %o", async (fault, code, message) => {
    const disk = FaultyDisk.create();
    const { environment, folder } = disk;
    const rig = await DiskFaultRig.start(folder, { environment, args: SETTINGS });
    rig.pump();
    await eventually(async () => (await rig.sequence()) > 3000);
    for (let round = 1; round <= 3; round += 1) {
      disk.set(fault);
      const cause = await rig.refused();
      expect(cause).toMatchObject({ code, message: expect.stringMatching(message) as unknown });
      await rig.expectNoFalseAcknowledgement();
      await rig.expectServed();
      const { status, reasons } = await rig.readiness();
      expect({ status, reasons: reasons.join() }).toEqual({
        status: 503,
        reasons: expect.stringMatching(message) as unknown,
      });
      disk.set({ kind: "none" });
      const held = rig.producer.acknowledgedBatch;
      await eventually(() => rig.producer.acknowledgedBatch > held + 100, { what: "ingest goes on" });
    }
    disk.set(fault);
    await rig.refused();
    await rig.server.kill();
    disk.set({ kind: "none" });
    rig.server.start();
    await rig.server.ready();
    await rig.flush();
    await rig.expectAll();
  });

  test("slowly: ingest waits, consumers and readiness know, nothing is lost", async () => {
    const disk = FaultyDisk.create();
    const { environment, folder } = disk;
    const rig = await DiskFaultRig.start(folder, { environment, args: SETTINGS });
    rig.pump();
    await eventually(async () => (await rig.sequence()) > 3000);
    disk.set({ kind: "slow", ms: 7000 });
    await eventually(async () => (await rig.readiness()).reasons.join().includes("slow"), {
      deadlineMs: 15_000,
      what: "readiness says that the disk is slow",
    });
    await rig.expectServed();
    disk.set({ kind: "none" });
    await eventually(async () => (await rig.readiness()).status === 200, { deadlineMs: 30_000 });
    await rig.flush();
    await rig.expectAll();
    expect(rig.producer.totals.uncountedEvents).toBe(0);
  });
});

test("a folder that cannot be made is told", async () => {
  const file = temporaryFile("not-a-folder", "");
  const server = await MortalServer.create(["--log", `sqlite:${file}/below/log.db`]);
  server.start();
  await expect(server.ready()).rejects.toThrow(file);
});
