import { beforeEach, describe, expect, it } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { DepthcastError } from "../../src/errors.ts";
import { DEFINITIONS_IN_FLIGHT_MAX } from "../../src/limits.ts";
import type { IngestStream } from "../../src/engine/ingest-port.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { addOrder, FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";

const bid = () => addOrder(1, 100, 5);
let rig: FlowRig;
let ended: DepthcastError[];

beforeEach(async () => {
  rig = await FlowRig.start();
  ended = [];
  await rig.flow.gate.define(testInstrument("A"));
  await rig.flow.gate.define(testInstrument("B"));
});

function openStream(): IngestStream {
  return rig.flow.gate.openStream((reason) => ended.push(reason));
}

function numbered(number: number, symbol = "A", id = "p1") {
  return testBatch(symbol, [bid()], { id, number });
}

async function refusal(action: () => unknown): Promise<DepthcastError> {
  try {
    await action();
  } catch (thrown) {
    if (thrown instanceof DepthcastError) return thrown;
    throw thrown;
  }
  throw new Error("was not refused");
}

describe("without a producer id", () => {
  it("answers each batch with what became of it and the symbol's position", async () => {
    const stream = openStream();
    const order = bid();
    const first = stream.submit(testBatch("A", [order, order, bid()]));
    const second = stream.submit(testBatch("B", [bid()]));
    expect(await first).toEqual({
      acceptedEvents: 2,
      rejectedEvents: 1,
      duplicate: false,
      rejections: [{ eventIndex: 1, rule: 1 }],
      epoch: rig.log.epoch,
      sequence: 2,
    });
    expect(await second).toMatchObject({ acceptedEvents: 1, sequence: 1 });
  });

  it("ends a stream at an unknown symbol, and applies nothing after it", async () => {
    const stream = openStream();
    const before = stream.submit(testBatch("A", [bid()]));
    expect(await refusal(() => stream.submit(testBatch("NONE", [bid()])))).toMatchObject({
      code: "not_found",
      message: expect.stringContaining('unknown symbol "NONE"'),
    });
    await refusal(() => stream.submit(testBatch("A", [bid()])));
    expect(await before).toMatchObject({ sequence: 1 });
    expect(await openStream().submit(testBatch("A", [bid()]))).toMatchObject({ sequence: 2 });
  });

  it("refuses a batch number", async () => {
    const stream = openStream();
    expect(await refusal(() => stream.submit(numbered(1, "A", "")))).toMatchObject({
      code: "invalid_argument",
    });
  });
});

describe("with a producer id", () => {
  it("applies numbers once, over all symbols, and answers repeats as duplicates", async () => {
    const stream = openStream();
    const answers = await Promise.all([
      stream.submit(numbered(1, "A")),
      stream.submit(numbered(2, "B")),
      stream.submit(numbered(2, "B")),
      stream.submit(numbered(1, "UNKNOWN")),
      stream.submit(numbered(3, "A")),
    ]);
    expect(answers.map(({ duplicate }) => duplicate)).toEqual([false, false, true, true, false]);
    expect(answers.map(({ acceptedEvents }) => acceptedEvents)).toEqual([1, 1, 0, 0, 1]);
    expect(answers[2]).toMatchObject({ sequence: 1 });
    expect(await rig.flow.gate.producerPosition("p1")).toBe(3);
    expect(await rig.flow.gate.producerPosition("nobody")).toBe(0);
  });

  it("ends a stream at a gap, naming the number expected", async () => {
    const stream = openStream();
    await stream.submit(numbered(1));
    const gap = await refusal(() => stream.submit(numbered(3)));
    expect(gap).toMatchObject({
      code: "failed_precondition",
      details: { reason: "BATCH_NUMBER_GAP", metadata: { expected: "2" } },
    });
    expect(await openStream().submit(numbered(2))).toMatchObject({ duplicate: false });
  });

  it("starts at 1", async () => {
    expect(await refusal(() => openStream().submit(numbered(0)))).toMatchObject({ code: "invalid_argument" });
    expect(await refusal(() => openStream().submit(numbered(2)))).toMatchObject({
      code: "failed_precondition",
    });
    expect(await refusal(() => openStream().submit(numbered(Infinity)))).toMatchObject({
      code: "failed_precondition",
    });
  });

  it("takes no number for a batch that ends its stream", async () => {
    await refusal(() => openStream().submit(numbered(1, "UNKNOWN")));
    expect(await openStream().submit(numbered(1))).toMatchObject({ duplicate: false, sequence: 1 });
  });

  it("has one live stream: a newer one ends the older, whose batches in flight stand", async () => {
    const older = openStream();
    const inFlight = older.submit(numbered(1));
    const newer = openStream();
    const next = newer.submit(numbered(2));
    expect(ended).toMatchObject([{ code: "aborted" }]);
    expect(await refusal(() => older.submit(numbered(3)))).toMatchObject({ code: "aborted" });
    expect(await inFlight).toMatchObject({ duplicate: false });
    expect(await next).toMatchObject({ duplicate: false, sequence: 2 });
  });

  it("tells a position only after all that was received before has been judged", async () => {
    const stream = openStream();
    void stream.submit(numbered(1));
    await stream.room(100);
    const position = rig.flow.gate.producerPosition("p1");
    void stream.submit(numbered(2));
    expect(await position).toBe(2);
  });

  it("keeps a bounded number of positions, those in flight counted in", async () => {
    rig = await FlowRig.start({ limits: { producersMax: 2 } });
    await rig.flow.gate.define(testInstrument("A"));
    const first = openStream().submit(numbered(1, "A", "p1"));
    const second = openStream().submit(numbered(1, "A", "p2"));
    expect(await refusal(() => openStream().submit(numbered(1, "A", "p3")))).toMatchObject({
      code: "resource_exhausted",
      details: { reason: "PRODUCERS_MAX" },
    });
    await Promise.all([first, second]);
    expect(await openStream().submit(numbered(2, "A", "p1"))).toMatchObject({ duplicate: false });
  });
});

describe("when the log fails", () => {
  /** Refuses the appends that it is told to. */
  class FailingLog extends MemoryLog {
    failing = false;
    override append(record: ArrayBuffer): Promise<number> {
      if (!this.failing) return super.append(record);
      return Promise.reject(new DepthcastError("unavailable", "disk full"));
    }
  }

  it("answers no batch that is not in it, and takes the number again later", async () => {
    const log = new FailingLog({ clock: new ManualClock() });
    rig = await FlowRig.start({ log });
    await rig.flow.gate.define(testInstrument("A"));
    await openStream().submit(numbered(1));
    log.failing = true;
    const lost = openStream().submit(numbered(2));
    const repeated = openStream().submit(numbered(2));
    await expect(lost).rejects.toThrow("disk full");
    await expect(repeated).rejects.toThrow("could not be logged");
    expect(await rig.flow.gate.producerPosition("p1")).toBe(1);
    log.failing = false;
    expect(await openStream().submit(numbered(2))).toMatchObject({ duplicate: false, sequence: 2 });
    expect(rig.flow.gate.bytesInFlight).toBe(0);
  });

  it("applies nothing of a stream after a batch of it that is not in the log", async () => {
    const log = new FailingLog({ clock: new ManualClock() });
    rig = await FlowRig.start({ log });
    await rig.flow.gate.define(testInstrument("A"));
    const stream = openStream();
    await stream.submit(testBatch("A", [bid()]));
    log.failing = true;
    await expect(stream.submit(testBatch("A", [bid()]))).rejects.toThrow("disk full");
    log.failing = false;
    expect(await refusal(() => stream.submit(testBatch("A", [bid()])))).toMatchObject({
      message: "disk full",
    });
    expect(await openStream().submit(testBatch("A", [bid()]))).toMatchObject({ sequence: 2 });
  });
});

describe("a log that answers after it has delivered", () => {
  class LateLog extends MemoryLog {
    readonly answers: (() => void)[] = [];
    override async append(record: ArrayBuffer): Promise<number> {
      const index = await super.append(record);
      if (index > 1) await new Promise<void>((resolve) => this.answers.push(resolve));
      return index;
    }
  }

  it("has every batch answered, those too that it answers together", async () => {
    const log = new LateLog({ clock: new ManualClock() });
    rig = await FlowRig.start({ log });
    await rig.flow.gate.define(testInstrument("A"));
    const stream = openStream();
    const outcomes = Promise.all([1, 2, 3].map((number) => stream.submit(numbered(number))));
    await rig.clock.settle();
    for (const answer of log.answers) answer();
    expect((await outcomes).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });
});

describe("room", () => {
  const MiB = 1024 * 1024;

  it("is one budget over all streams, first come first served, given back when applied", async () => {
    rig = await FlowRig.start({ limits: { ingestBytesMax: 2 * MiB } });
    await rig.flow.gate.define(testInstrument("A"));
    const [one, two, three] = [openStream(), openStream(), openStream()];
    await one.room(MiB);
    await two.room(MiB);
    const order: string[] = [];
    const third = three.room(MiB / 2)?.then(() => order.push("three"));
    await rig.clock.settle();
    expect(order).toEqual([]);
    expect(rig.flow.gate.bytesInFlight).toBe(2 * MiB);
    await one.submit(testBatch("A", [bid()]));
    await third;
    expect(order).toEqual(["three"]);
    two.close();
    three.close();
    expect(rig.flow.gate.bytesInFlight).toBe(0);
  });

  it("lets a message through alone that is larger than all of it", async () => {
    rig = await FlowRig.start({ limits: { ingestBytesMax: MiB } });
    const stream = openStream();
    await stream.room(3 * MiB);
    stream.close();
    expect(rig.flow.gate.bytesInFlight).toBe(0);
  });

  it("is waited for no more by a stream that was closed, whether the others have any or not", async () => {
    rig = await FlowRig.start({ limits: { ingestBytesMax: MiB } });
    const [holder, large, small] = [openStream(), openStream(), openStream()];
    await holder.room(MiB / 2);
    const waiting = large.room(MiB);
    const behind = small.room(MiB / 2);
    large.close();
    await Promise.all([waiting, behind]);
    expect(rig.flow.gate.bytesInFlight).toBe(MiB);
    small.close();
    holder.close();
    await holder.room(MiB);
    expect(rig.flow.gate.bytesInFlight).toBe(0);
  });

  it("is given back by a stream that was closed in the moment when it got it", async () => {
    rig = await FlowRig.start({ limits: { ingestBytesMax: MiB } });
    const [holder, waiter] = [openStream(), openStream()];
    await holder.room(MiB);
    const waiting = waiter.room(MiB);
    holder.close();
    waiter.close();
    await waiting;
    expect(rig.flow.gate.bytesInFlight).toBe(0);
  });
});

describe("definitions", () => {
  const define = (changes: object) => rig.flow.gate.define(testInstrument("A", changes));

  it("are not logged where they change nothing", async () => {
    const before = rig.log.endIndex;
    await define({});
    expect(rig.log.endIndex).toBe(before);
  });

  it("may change in every field before the first event", async () => {
    expect(await define({ priceScale: 4, tickSize: 5 })).toMatchObject({ priceScale: 4, tickSize: 5 });
    expect(rig.flow.instruments.find("A")?.instrument.priceScale).toBe(4);
  });

  it("fix the numbers once an event was applied", async () => {
    await openStream().submit(testBatch("A", [bid()]));
    const before = rig.log.endIndex;
    for (const changes of [{ priceScale: 4 }, { quantityScale: 1 }, { tickSize: 5 }, { lotSize: 2 }]) {
      expect(await refusal(() => define(changes))).toMatchObject({ code: "failed_precondition" });
    }
    expect(rig.log.endIndex).toBe(before);
    expect(await define({ description: "new" })).toMatchObject({ description: "new" });
  });

  it("do not switch REJECT on while the book is crossed", async () => {
    await define({ crossPolicy: CrossPolicy.flag });
    const ask = addOrder(2, 90, 1);
    await openStream().submit(testBatch("A", [bid(), ask]));
    expect(await refusal(() => define({ crossPolicy: CrossPolicy.reject }))).toMatchObject({
      code: "failed_precondition",
      details: { reason: "BOOK_CROSSED" },
    });
    await openStream().submit(testBatch("A", [{ action: 3, id: ask.id }]));
    expect(await define({ crossPolicy: CrossPolicy.reject })).toMatchObject({
      crossPolicy: CrossPolicy.reject,
    });
  });

  it("are bounded", async () => {
    rig = await FlowRig.start({ limits: { instrumentsMax: 1 } });
    await rig.flow.gate.define(testInstrument("A"));
    const before = rig.log.endIndex;
    expect(await refusal(() => rig.flow.gate.define(testInstrument("B")))).toMatchObject({
      code: "resource_exhausted",
      details: { reason: "INSTRUMENTS_MAX" },
    });
    expect(rig.log.endIndex).toBe(before);
  });
});

describe("definitions that the log has not taken yet", () => {
  class SilentLog extends MemoryLog {
    readonly held: (() => void)[] = [];
    override async append(record: ArrayBuffer): Promise<number> {
      if (this.endIndex > 0) await new Promise<void>((resolve) => this.held.push(resolve));
      return super.append(record);
    }
  }

  it("are bounded in number, and refused beyond", async () => {
    const log = new SilentLog({ clock: new ManualClock() });
    rig = await FlowRig.start({ log });
    const waiting = Array.from({ length: DEFINITIONS_IN_FLIGHT_MAX }, () =>
      rig.flow.gate.define(testInstrument("A")),
    );
    expect(await refusal(() => rig.flow.gate.define(testInstrument("B")))).toMatchObject({
      code: "resource_exhausted",
      details: { reason: "DEFINITIONS_IN_FLIGHT_MAX" },
    });
    for (const release of log.held.splice(0)) release();
    await Promise.all(waiting);
    const later = rig.flow.gate.define(testInstrument("B"));
    for (const release of log.held) release();
    expect(await later).toMatchObject({ symbol: "B" });
  });
});

describe("stopping", () => {
  it("answers what is in flight and refuses the rest", async () => {
    const stream = openStream();
    const inFlight = stream.submit(testBatch("A", [bid()]));
    const stopped = rig.flow.stop();
    expect(ended).toMatchObject([{ code: "unavailable" }]);
    expect(await refusal(() => openStream().submit(testBatch("A", [bid()])))).toMatchObject({
      code: "unavailable",
    });
    expect(await inFlight).toMatchObject({ sequence: 1 });
    await stopped;
  });
});
