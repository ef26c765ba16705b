import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import { FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";

const event = fc.record({
  action: fc.integer({ min: 0, max: 7 }),
  id: fc.bigInt({ min: 0n, max: 12n }),
  side: fc.constantFrom(1 as const, 2 as const),
  price: fc.integer({ min: 95, max: 105 }),
  quantity: fc.integer({ min: 0, max: 9 }),
});

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("batch" as const),
      symbol: fc.constantFrom("A", "B"),
      events: fc.array(event, { maxLength: 5 }),
      producer: fc.constantFrom("", "p1", "p2"),
      back: fc.constantFrom(0, 0, 0, 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("define" as const),
      symbol: fc.constantFrom("A", "B"),
      description: fc.constantFrom("x", "y"),
      crossPolicy: fc.constantFrom(1 as const, 2 as const),
    }),
  },
);

async function copyOf(log: OrderLog, clock: ManualClock): Promise<MemoryLog> {
  const copy = new MemoryLog({ clock, retain: true });
  for await (const { record } of log.read(0)) await copy.append(record);
  return copy;
}

describe("replay", () => {
  it("comes to the same state from the same log, duplicates and refusals included", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const rig = await FlowRig.start();
        await Promise.all(["A", "B"].map((symbol) => rig.flow.gate.define(testInstrument(symbol))));
        const numbers = new Map<string, number>();
        for (const one of steps) {
          if (one.kind === "define") {
            await rig.flow.gate.define(testInstrument(one.symbol, one)).catch(() => undefined);
            continue;
          }
          const number =
            one.producer === "" ? 0 : Math.max(1, (numbers.get(one.producer) ?? 0) + 1 - one.back);
          numbers.set(one.producer, Math.max(number, numbers.get(one.producer) ?? 0));
          await rig.flow.gate
            .openStream(() => {})
            .submit(testBatch(one.symbol, one.events, { id: one.producer, number }));
        }
        const clock = new ManualClock();
        const replay = await FlowRig.start({ clock, log: await copyOf(rig.log, clock) });
        await clock.settle();
        expect(replay.engine.stateHashes()).toEqual(rig.engine.stateHashes());
        for (const producer of ["p1", "p2"]) {
          expect(await replay.flow.gate.producerPosition(producer)).toBe(numbers.get(producer) ?? 0);
        }
        expect(replay.engine.checkIntegrity().flatMap(({ faults }) => faults)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("skips a logged batch that repeats or leaves out a number, as another node may have logged it", async () => {
    const rig = await FlowRig.start();
    await rig.flow.gate.define(testInstrument("A"));
    const stream = rig.flow.gate.openStream(() => {});
    await stream.submit(
      testBatch("A", [{ action: 1, id: 1n, side: 1, price: 1, quantity: 1 }], { id: "p", number: 1 }),
    );
    const clock = new ManualClock();
    const log = await copyOf(rig.log, clock);
    const batches: ArrayBuffer[] = [];
    for await (const { record } of log.read(2)) batches.push(record);
    const [batch] = batches;
    if (batch === undefined) throw new Error("the batch is the third record");
    await log.append(batch.slice(0));
    const later = batch.slice(0);
    new DataView(later).setFloat64(16, 3, true);
    await log.append(later);
    const replay = await FlowRig.start({ clock, log });
    await clock.settle();
    expect(replay.engine.stateHashes()).toEqual(rig.engine.stateHashes());
    expect(await replay.flow.gate.producerPosition("p")).toBe(1);
  });
});
