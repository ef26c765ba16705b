import { expect, test } from "vitest";
import {
  actionAt,
  BLOCK_EVENTS,
  fillBlock,
  flagsAt,
  hashAt,
  idHighAt,
  idLowAt,
  isSoundAt,
  keyLengthAt,
  quantityAt,
  sideAt,
  ticksAt,
} from "../../src/book/event-block.ts";
import { addFault, nameFault, priceFault, quantityFault } from "../../src/book/event-rules.ts";
import { EventFlag, type OrderEventColumns } from "../../src/book/order-events.ts";
import { SeededHash } from "../../src/book/seeded-hash.ts";
import { type Random, withSeed } from "../support/random.ts";

const EVENTS = 6400;
const TICK = 5;
const LOT = 3;
const oddNumbers = [0, -0, 0.5, -5, 1, 2 ** 53, 2 ** 53 - 1, -(2 ** 53), Infinity, -Infinity, NaN, 1e300];

/** Columns of which each value is mostly right and at times anything that a column can hold. */
function anyColumns(random: Random): OrderEventColumns {
  const filled = <C extends { length: number; [index: number]: number }>(
    column: C,
    right: () => number,
    wrong: () => number,
  ): C => {
    for (let index = 0; index < column.length; index++) column[index] = random.chance(90) ? right() : wrong();
    return column;
  };
  const byte = (): number => random.between(0, 255);
  const isKeyed = Array.from({ length: EVENTS }, () => random.chance(30));
  let at = 0;
  return {
    length: EVENTS,
    action: filled(new Uint8Array(EVENTS), () => random.between(1, 6), byte),
    side: filled(new Uint8Array(EVENTS), () => random.between(1, 2), byte),
    flags: filled(new Uint8Array(EVENTS), () => EventFlag.hasPrice | EventFlag.hasQuantity, byte),
    orderIdLow: filled(
      new Int32Array(EVENTS),
      () => (isKeyed[at++] ? 0 : 7),
      () => (at++, 0),
    ),
    orderIdHigh: filled(
      new Int32Array(EVENTS),
      () => 0,
      () => -1,
    ),
    price: filled(
      new Float64Array(EVENTS),
      () => random.between(-99, 99) * TICK,
      () => random.pick(oddNumbers),
    ),
    quantity: filled(
      new Float64Array(EVENTS),
      () => random.between(0, 99) * LOT,
      () => random.pick(oddNumbers),
    ),
    keyLength: Uint8Array.from(isKeyed, (keyed) => (keyed ? random.between(1, 70) : 0)),
    keyOffset: new Uint32Array(EVENTS),
    keyBytes: new Uint8Array(100).fill(42),
  };
}

test("what is sound breaks no rule, and what may not be sound breaks one of a field", async () => {
  await withSeed((random) => {
    const events = anyColumns(random);
    const counts = { sound: 0, unsound: 0 };
    const wrong: number[] = [];
    for (let from = 0; from < EVENTS; from += BLOCK_EVENTS) {
      fillBlock(events, from, from + BLOCK_EVENTS, TICK, LOT, new SeededHash(1));
      for (let index = from; index < from + BLOCK_EVENTS; index++) {
        // With both fields said to be set, the rules judge both.
        const known = { ...events, flags: events.flags.with(index, events.flags[index]! | 3) };
        const fault =
          nameFault(known, index) || priceFault(known, index, TICK) || quantityFault(known, index, LOT);
        const isSound = isSoundAt(index - from);
        const hasUnknownFlag = events.flags[index]! > 31;
        if (isSound !== (fault === 0 && !hasUnknownFlag)) wrong.push(index);
        counts[isSound ? "sound" : "unsound"] += 1;
      }
    }
    expect(wrong).toEqual([]);
    expect(Math.min(counts.sound, counts.unsound)).toBeGreaterThan(EVENTS / 10);
  });
});

test("the block holds the columns, prices in ticks, and the hashes of ids and keys", async () => {
  await withSeed((random) => {
    const events = anyColumns(random);
    const hash = new SeededHash(random.between(0, 1000));
    const from = BLOCK_EVENTS * 3;
    fillBlock(events, from, from + 10, TICK, LOT, hash);
    for (let at = 0; at < 10; at++) {
      const index = from + at;
      const { action, flags, side, keyLength, orderIdLow, orderIdHigh, price, quantity } = events;
      expect([actionAt(at), flagsAt(at), sideAt(at), keyLengthAt(at), idLowAt(at), idHighAt(at)]).toEqual([
        action[index],
        flags[index],
        side[index],
        keyLength[index],
        orderIdLow[index],
        orderIdHigh[index],
      ]);
      expect([ticksAt(at), quantityAt(at)]).toEqual([price[index]! / TICK, quantity[index]]);
      const isKeyed = keyLength[index]! > 0;
      expect(hashAt(at)).toBe(
        isKeyed
          ? hash.ofBytes(events.keyBytes, 0, keyLength[index]!)
          : hash.ofWords(orderIdLow[index]!, orderIdHigh[index]!),
      );
    }
  });
});

test("an ADD that is sound, with both fields, a side and something to add, breaks no rule of its own", async () => {
  await withSeed((random) => {
    const events = anyColumns(random);
    const faults: number[] = [];
    for (let from = 0; from < EVENTS; from += BLOCK_EVENTS) {
      fillBlock(events, from, from + BLOCK_EVENTS, TICK, LOT, new SeededHash(1));
      for (let at = 0; at < BLOCK_EVENTS; at++) {
        if (!isSoundAt(at) || flagsAt(at) !== 3 || quantityAt(at) === 0) continue;
        if (sideAt(at) !== 1 && sideAt(at) !== 2) continue;
        if (addFault(events, from + at, TICK, LOT) !== 0) faults.push(from + at);
      }
    }
    expect(faults).toEqual([]);
  });
});
