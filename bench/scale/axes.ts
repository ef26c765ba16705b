import { type PipelineShape, SUBSCRIPTIONS_MAX } from "./pipeline.ts";

/** One thing that grows while all else stays. */
export interface Axis {
  readonly name: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  shapeAt(size: number): PipelineShape;
}

const SMALL = { symbols: 1, levelsPerSide: 100, depth: 20, consumers: 1, changedWithin: 20 };

export const AXES = {
  symbols: {
    name: "symbols",
    unit: "symbol",
    sizes: [1, 10, 100, 1000, 2500, 5000],
    shapeAt: (symbols) => ({ ...SMALL, symbols, consumers: Math.ceil(symbols / SUBSCRIPTIONS_MAX) }),
  },
  depth: {
    name: "depth",
    unit: "level of depth",
    sizes: [10, 50, 100, 250, 500, 1000],
    shapeAt: (depth) => ({ ...SMALL, levelsPerSide: 1500, depth, changedWithin: depth }),
  },
  book: {
    name: "book, both sides",
    unit: "level of the book",
    sizes: [1000, 10_000, 100_000, 250_000, 500_000, 1_000_000],
    shapeAt: (levels) => ({ ...SMALL, levelsPerSide: levels / 2, changedWithin: levels / 2 }),
  },
  consumers: {
    name: "consumers",
    unit: "consumer",
    sizes: [10, 100, 1000, 2500, 5000, 10_000],
    shapeAt: (consumers) => ({ ...SMALL, consumers }),
  },
} as const satisfies Record<string, Axis>;

export type AxisName = keyof typeof AXES;
