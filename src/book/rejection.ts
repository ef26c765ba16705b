import { REJECTIONS_LISTED_MAX } from "../limits.ts";

/** Why an event was refused; the values are those of the wire. */
export const RejectReason = {
  duplicateOrder: 1,
  unknownOrder: 2,
  invalidEvent: 3,
  crossedBook: 4,
  capacity: 5,
} as const;
export type RejectReason = (typeof RejectReason)[keyof typeof RejectReason];

/** The rule that an event broke. Finer than the reason; a part of the log's outcome, so values are kept. */
export const RejectRule = {
  duplicateOrder: 1,
  unknownOrder: 2,
  unknownAction: 3,
  sideMissing: 4,
  nameMissing: 5,
  nameTwice: 6,
  keyTooLong: 7,
  priceMissing: 8,
  priceOutOfRange: 9,
  priceOffTick: 10,
  quantityMissing: 11,
  quantityZero: 12,
  quantityOutOfRange: 13,
  quantityOffLot: 14,
  nothingToUpdate: 15,
  reduceOverRemaining: 16,
  wouldCross: 17,
  ordersFull: 18,
  levelsFull: 19,
  levelTotalOverflow: 20,
} as const;
export type RejectRule = (typeof RejectRule)[keyof typeof RejectRule];

interface RuleMeaning {
  readonly reason: RejectReason;
  readonly detail: string;
}

const meanings: { readonly [Rule in RejectRule]: RuleMeaning } = {
  [RejectRule.duplicateOrder]: {
    reason: RejectReason.duplicateOrder,
    detail: "an order with this id is live",
  },
  [RejectRule.unknownOrder]: { reason: RejectReason.unknownOrder, detail: "no order with this id is live" },
  [RejectRule.unknownAction]: {
    reason: RejectReason.invalidEvent,
    detail: "action is unspecified or unknown",
  },
  [RejectRule.sideMissing]: { reason: RejectReason.invalidEvent, detail: "side must be BID or ASK" },
  [RejectRule.nameMissing]: {
    reason: RejectReason.invalidEvent,
    detail: "order_id (not 0) or order_key must be set",
  },
  [RejectRule.nameTwice]: {
    reason: RejectReason.invalidEvent,
    detail: "order_id and order_key must not both be set",
  },
  [RejectRule.keyTooLong]: { reason: RejectReason.invalidEvent, detail: "order_key must have 1 to 64 bytes" },
  [RejectRule.priceMissing]: { reason: RejectReason.invalidEvent, detail: "price must be set" },
  [RejectRule.priceOutOfRange]: {
    reason: RejectReason.invalidEvent,
    detail: "price must be within ±(2^53 - 1)",
  },
  [RejectRule.priceOffTick]: {
    reason: RejectReason.invalidEvent,
    detail: "price is not a multiple of the tick size",
  },
  [RejectRule.quantityMissing]: { reason: RejectReason.invalidEvent, detail: "quantity must be set" },
  [RejectRule.quantityZero]: { reason: RejectReason.invalidEvent, detail: "quantity must be above 0" },
  [RejectRule.quantityOutOfRange]: {
    reason: RejectReason.invalidEvent,
    detail: "quantity must be at most 2^53 - 1",
  },
  [RejectRule.quantityOffLot]: {
    reason: RejectReason.invalidEvent,
    detail: "quantity is not a multiple of the lot size",
  },
  [RejectRule.nothingToUpdate]: {
    reason: RejectReason.invalidEvent,
    detail: "price or quantity must be set",
  },
  [RejectRule.reduceOverRemaining]: {
    reason: RejectReason.invalidEvent,
    detail: "quantity is more than remains of the order",
  },
  [RejectRule.wouldCross]: { reason: RejectReason.crossedBook, detail: "best bid would reach best ask" },
  [RejectRule.ordersFull]: {
    reason: RejectReason.capacity,
    detail: "the book holds as many orders as it may",
  },
  [RejectRule.levelsFull]: {
    reason: RejectReason.capacity,
    detail: "this side holds as many price levels as it may",
  },
  [RejectRule.levelTotalOverflow]: {
    reason: RejectReason.capacity,
    detail: "the level's total would pass 2^53 - 1",
  },
};

export function rejectReason(rule: RejectRule): RejectReason {
  return meanings[rule].reason;
}

/** The rule in words, for people. */
export function rejectDetail(rule: RejectRule): string {
  return meanings[rule].detail;
}

/** What became of the events of a batch. Reused from batch to batch: `reset` before each. */
export class BatchTally {
  acceptedEvents = 0;
  rejectedEvents = 0;
  /** Refusals by reason, indexed by RejectReason. */
  readonly rejectedByReason = new Float64Array(6);
  /** How many of the two columns below are filled: the first refusals of the batch. */
  listed = 0;
  readonly listedIndex = new Uint32Array(REJECTIONS_LISTED_MAX);
  readonly listedRule = new Uint8Array(REJECTIONS_LISTED_MAX);

  reset(): void {
    this.acceptedEvents = 0;
    this.rejectedEvents = 0;
    this.rejectedByReason.fill(0);
    this.listed = 0;
  }

  reject(eventIndex: number, rule: RejectRule): void {
    this.rejectedEvents += 1;
    const reason = rejectReason(rule);
    this.rejectedByReason[reason] = (this.rejectedByReason[reason] ?? 0) + 1;
    if (this.listed === REJECTIONS_LISTED_MAX) return;
    this.listedIndex[this.listed] = eventIndex;
    this.listedRule[this.listed] = rule;
    this.listed += 1;
  }
}
