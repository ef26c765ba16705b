import { expect, test } from "vitest";
import { type BookRules, CrossPolicy } from "../../src/book/instrument.ts";
import { checkIntegrity } from "../../src/book/integrity.ts";
import { OrderBook } from "../../src/book/order-book.ts";
import { BatchTally, RejectReason } from "../../src/book/rejection.ts";
import { eventColumns } from "../support/event-columns.ts";
import { NaiveBook, type TestOrderEvent } from "../support/naive-book.ts";
import { type Random, withSeed } from "../support/random.ts";

const EVENTS = 20_000;

/** An event that aims at the spread: onto, next to and through the other side's best price. */
function hostileEvent(model: NaiveBook, random: Random): TestOrderEvent {
  const side = random.between(1, 2);
  const other = model.best(3 - side) ?? 0;
  const price = other + (side === 1 ? 1 : -1) * random.between(-3, random.chance(30) ? 3 : 0);
  const id = BigInt(random.between(1, 60));
  const quantity = random.between(1, 9);
  const draw = random.between(1, 100);
  if (draw <= 45) return { action: 1, id, side, price, quantity };
  if (draw <= 65) return { action: 2, id, price, ...(random.chance(50) ? { quantity } : {}) };
  if (draw <= 80) return { action: 5, side, price, quantity: random.chance(25) ? 0 : quantity };
  if (draw <= 96) return { action: 3, id };
  if (draw <= 99) return { action: 4, id, quantity };
  return { action: random.chance(20) ? 6 : 2, id, quantity: 0 };
}

test.each([
  ["REJECT", CrossPolicy.reject],
  ["FLAG", CrossPolicy.flag],
] as const)("thousands of attempts to cross the book under %s", async (_, crossPolicy) => {
  await withSeed((random) => {
    const rules: BookRules = {
      crossPolicy,
      tickSize: 1,
      lotSize: 1,
      liveOrdersMax: 1000,
      levelsPerSideMax: 1000,
    };
    const book = new OrderBook(rules, random.between(0, 2 ** 32 - 1));
    const model = new NaiveBook(rules);
    const tally = new BatchTally();
    const states = [0, 0, 0, 0];
    let differences = 0;
    let crossedUnderReject = 0;
    for (let step = 0; step < EVENTS; step++) {
      const event = hostileEvent(model, random);
      const rejectedBefore = tally.rejectedEvents;
      book.apply(eventColumns([event]), tally);
      const verdict = model.apply(event);
      if (tally.rejectedEvents - rejectedBefore !== (verdict === 0 ? 0 : 1)) differences += 1;
      const bid = book.bestBid() ?? Number.NEGATIVE_INFINITY;
      const ask = book.bestAsk() ?? Number.POSITIVE_INFINITY;
      if (bid >= ask && crossPolicy === CrossPolicy.reject) crossedUnderReject += 1;
      if (bid !== (model.best(1) ?? Number.NEGATIVE_INFINITY)) differences += 1;
      if (ask !== (model.best(2) ?? Number.POSITIVE_INFINITY)) differences += 1;
      if (book.state() !== model.state()) differences += 1;
      states[book.state()]! += 1;
      if (step % 100 === 0) differences += checkIntegrity(book).length;
    }
    expect([differences, crossedUnderReject]).toEqual([0, 0]);
    expect(checkIntegrity(book)).toEqual([]);
    // The flow must really have tried.
    const attempts = tally.rejectedByReason[RejectReason.crossedBook]! + states[2]! + states[3]!;
    expect(attempts).toBeGreaterThan(2000);
    expect(states.slice(2).every((count) => count > 20)).toBe(crossPolicy === CrossPolicy.flag);
  });
});
