/** How best bid and best ask stand to each other; the values are those of the wire. */
export const BookState = { open: 1, locked: 2, crossed: 3 } as const;
export type BookState = (typeof BookState)[keyof typeof BookState];

/** What it is called in the JSON dialect, and where people read it. */
export const BOOK_STATE_NAMES: { readonly [State in BookState]: string } = {
  1: "open",
  2: "locked",
  3: "crossed",
};

/** One side's best levels, best first. Columns may be longer than `length`. */
export interface DepthSide {
  length: number;
  /** Price mantissas. */
  readonly price: Float64Array;
  /** Quantity mantissas, above zero. */
  readonly quantity: Float64Array;
  /** Orders of the level. */
  readonly orderCount: Uint32Array;
}

/** The best levels of a book at one sequence: what the depth board hands to a reader. */
export interface Depth {
  /** Events accepted by the book so far. */
  sequence: number;
  state: BookState;
  /** The source's time of the newest batch, nanoseconds since 1970, low and high word; 0 = unknown. */
  sourceTimeLow: number;
  sourceTimeHigh: number;
  readonly bids: DepthSide;
  readonly asks: DepthSide;
}

/** An empty depth with room for `levels` a side. */
export function createDepth(levels: number): Depth {
  return {
    sequence: 0,
    state: BookState.open,
    sourceTimeLow: 0,
    sourceTimeHigh: 0,
    bids: createDepthSide(levels),
    asks: createDepthSide(levels),
  };
}

function createDepthSide(levels: number): DepthSide {
  return {
    length: 0,
    price: new Float64Array(levels),
    quantity: new Float64Array(levels),
    orderCount: new Uint32Array(levels),
  };
}
