/** Price and quantity mantissas. */
export type TopLevel = readonly [price: number, quantity: number];

/** The best levels of a book, best first, as the engine or a subscriber holds them. */
export interface HeldTop {
  readonly bids: readonly TopLevel[];
  readonly asks: readonly TopLevel[];
}

/** Numbers are `mantissa × 10^-scale`. */
export interface Scales {
  readonly priceScale: number;
  readonly quantityScale: number;
}

/** What is wrong with a book; undefined = nothing. */
export type Judge = (held: HeldTop) => string | undefined;

/** Wants the best levels to be exactly these; there may be more below them. */
export function beginsWith(wanted: HeldTop): Judge {
  return (held) => difference("bids", held, wanted) ?? difference("asks", held, wanted);
}

/** Wants these levels and no more. */
export function isExactly(wanted: HeldTop): Judge {
  return (held) => {
    const tooMany = (["bids", "asks"] as const).find((side) => held[side].length > wanted[side].length);
    if (tooMany !== undefined) return `${held[tooMany].length} ${tooMany}, must be ${wanted[tooMany].length}`;
    return beginsWith(wanted)(held);
  };
}

function difference(side: "bids" | "asks", held: HeldTop, wanted: HeldTop): string | undefined {
  const index = wanted[side].findIndex(([price, quantity], at) => {
    const level = held[side][at];
    return level === undefined || level[0] !== price || level[1] !== quantity;
  });
  if (index < 0) return undefined;
  const [found, want] = [held[side][index], wanted[side][index]].map((level) => JSON.stringify(level));
  return `${side}[${index}] is ${found ?? "absent"}, must be ${want}`;
}
