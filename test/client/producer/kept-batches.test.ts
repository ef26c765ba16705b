import { expect, test } from "vitest";
import { type KeptBatch, KeptBatches } from "../../../src/client/producer/kept-batches.ts";
import { withSeed } from "../../support/random.ts";

function batch(number: number, byteLength = 10): KeptBatch {
  return { symbol: "X", number, eventCount: 1, bytes: Buffer.alloc(byteLength) };
}

test("only the oldest batch that was sent can be acknowledged", () => {
  const kept = new KeptBatches();
  kept.push(batch(7));
  kept.push(batch(8));
  expect(kept.acknowledge(7)).toBeUndefined();
  expect(kept.send()?.number).toBe(7);
  expect(kept.acknowledge(8)).toBeUndefined();
  expect(kept.acknowledge(7)?.number).toBe(7);
  expect(kept.acknowledge(8)).toBeUndefined();
});

test("keeps, sends and drops as a plain list does", () =>
  withSeed((random) => {
    const kept = new KeptBatches();
    let model: KeptBatch[] = [];
    let sent = 0;
    let last = 0;
    for (let step = 0; step < 5000; step += 1) {
      if (random.chance(45)) {
        const next = batch((last += 1), random.between(1, 100));
        kept.push(next);
        model.push(next);
      } else if (random.chance(50)) {
        const next = model[sent];
        expect(kept.send()).toBe(next);
        if (next !== undefined) sent += 1;
      } else if (random.chance(90)) {
        if (sent === 0) continue;
        expect(kept.acknowledge(model[0]!.number)).toBe(model.shift());
        sent -= 1;
      } else {
        const through = last - random.between(0, model.length);
        kept.rewind();
        sent = 0;
        expect(kept.takeThrough(through)).toEqual(model.filter(({ number }) => number <= through));
        model = model.filter(({ number }) => number > through);
      }
      expect({ size: kept.size, sent: kept.sentCount }).toEqual({ size: model.length, sent });
      if (model.length === 0) expect(kept.bytes).toBe(0);
      else expect(kept.bytes).toBeGreaterThan(model.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
    }
  }));
