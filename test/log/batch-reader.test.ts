import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BatchReader, type BatchToApply } from "../../src/log/batch-reader.ts";
import { decodeRecord, encodeBatchRecord, encodeDefineRecord, RecordKind } from "../../src/log/record.ts";
import { testInstrument } from "../support/flow-rig.ts";
import { eventColumns } from "../support/event-columns.ts";

const event = fc.record({
  action: fc.constantFrom(1 as const, 2 as const, 3 as const),
  id: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  side: fc.constantFrom(1 as const, 2 as const),
  price: fc.maxSafeInteger(),
  quantity: fc.maxSafeNat(),
});
const keyedEvent = fc.record({
  action: fc.constant(3 as const),
  key: fc.string({ minLength: 1, maxLength: 9 }),
});
const batch = fc.record({
  instrument: fc.nat(),
  producerId: fc.constantFrom("", "p", "feed-ä"),
  batchNumber: fc.maxSafeNat(),
  sourceTimeLow: fc.integer(),
  sourceTimeHigh: fc.integer(),
  events: fc.array(fc.oneof({ weight: 30, arbitrary: event }, { weight: 1, arbitrary: keyedEvent }), {
    maxLength: 90,
  }),
});

/** What is read, in arrays of its own. */
function copyOf({ instrument, sourceTimeLow, sourceTimeHigh, events }: BatchToApply) {
  const { length, keyBytes, keyOffset, ...columns } = events;
  const numbers = Object.entries(columns).map(([name, column]) => [name, [...column.subarray(0, length)]]);
  const keys = Array.from({ length }, (_, index) => {
    const start = keyOffset[index] ?? 0;
    return Buffer.from(keyBytes.subarray(start, start + (columns.keyLength[index] ?? 0))).toString();
  });
  return { instrument, sourceTimeLow, sourceTimeHigh, length, keys, ...Object.fromEntries(numbers) };
}

describe("reading batches one after the other", () => {
  it("gives what decodeRecord gives, small and large, with keys and without", () => {
    const reader = new BatchReader();
    fc.assert(
      fc.property(batch, (content) => {
        const record = encodeBatchRecord({ ...content, events: eventColumns(content.events) });
        const decoded = decodeRecord(record);
        if (decoded.kind !== RecordKind.batch) throw new Error("not a batch");
        expect(copyOf(reader.read(record))).toEqual(copyOf(decoded));
      }),
    );
  });

  it("refuses what is no sound batch", () => {
    const sound = encodeBatchRecord({
      instrument: 1,
      producerId: "",
      batchNumber: 0,
      sourceTimeLow: 0,
      sourceTimeHigh: 0,
      events: eventColumns([{ action: 3, id: 1n }]),
    });
    const reader = new BatchReader();
    for (const place of [0, 4, 8, 32, 36, 40]) {
      const damaged = sound.slice(0);
      new Uint8Array(damaged)[place]! += 1;
      expect(() => reader.read(damaged)).toThrow(/log record/);
    }
    expect(() => reader.read(sound.slice(0, 40))).toThrow("shorter");
    expect(() => reader.read(sound.slice(0, -1))).toThrow("damaged");
    expect(() => reader.read(encodeDefineRecord(testInstrument("A")))).toThrow("applies batches");
    expect(reader.read(sound).events.length).toBe(1);
  });
});
