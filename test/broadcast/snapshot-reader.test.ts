import { beforeEach, describe, expect, it } from "vitest";
import { SnapshotReader, type SnapshotRequest } from "../../src/broadcast/snapshot-reader.ts";
import { addOrder, FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";

const bid = (price = 100) => addOrder(1, price, 5);
let rig: FlowRig;
let reader: SnapshotReader;

beforeEach(async () => {
  rig = await FlowRig.start();
  const { clock, log, feed, flow } = rig;
  reader = new SnapshotReader({ clock, epoch: log.epoch, depths: feed, instruments: flow.instruments });
  await flow.gate.define(testInstrument("A"));
});

function read(changes: Partial<SnapshotRequest> = {}, signal = new AbortController().signal) {
  return reader.read({ symbol: "A", depth: 20, minSequence: 0, epoch: 0n, ...changes }, signal);
}

function submit() {
  return rig.flow.gate.openStream(() => {}).submit(testBatch("A", [bid()]));
}

describe("SnapshotReader", () => {
  it("sees what was acknowledged, without waiting", async () => {
    for (let count = 1; count <= 3; count++) {
      const { sequence } = await submit();
      const before = rig.clock.waiting;
      const { depth } = await read({ minSequence: sequence });
      expect(depth.sequence).toBe(count);
      expect(rig.clock.waiting).toBe(before);
    }
  });

  it("waits for the sequence asked for, and leaves nothing behind", async () => {
    const waiting = read({ minSequence: 2, depth: 1000 });
    await submit();
    await submit();
    expect((await waiting).depth).toMatchObject({ sequence: 2, bids: { length: 1 } });
    rig.clock.advance(10_000);
    expect(rig.clock.waiting).toBe(0);
  });

  it("gives up at the deadline, at the longest wait, and at once where it has passed", async () => {
    const late = read({ minSequence: 1 });
    await rig.clock.settle();
    rig.clock.advance(30_000);
    await expect(late).rejects.toMatchObject({ code: "deadline_exceeded" });
    const deadline = new AbortController();
    const abandoned = read({ minSequence: Infinity }, deadline.signal);
    await rig.clock.settle();
    deadline.abort();
    await expect(abandoned).rejects.toMatchObject({ code: "deadline_exceeded" });
    await expect(read({ minSequence: 1 }, deadline.signal)).rejects.toMatchObject({
      code: "deadline_exceeded",
    });
    expect(rig.clock.waiting).toBe(0);
  });

  it("answers with the definition in force when the sequence was reached", async () => {
    const waiting = read({ minSequence: 1 });
    await rig.flow.gate.define(testInstrument("A", { priceScale: 4 }));
    await submit();
    expect((await waiting).instrument.priceScale).toBe(4);
  });

  it("refuses another epoch and an unknown symbol", async () => {
    await expect(read({ epoch: 1n })).rejects.toMatchObject({ code: "failed_precondition" });
    await expect(read({ symbol: "X" })).rejects.toMatchObject({ code: "not_found" });
    expect((await read({ epoch: rig.log.epoch })).epoch).toBe(rig.log.epoch);
  });
});
