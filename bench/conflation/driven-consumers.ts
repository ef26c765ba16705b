import { expectOutcome } from "../support/benchmark.ts";
import { Child } from "../support/child-process.ts";
import { median } from "../support/measure.ts";
import type { ConflaterCommands, ConflaterStart, ConflationShape } from "./conflater-process.ts";
import type { Market } from "./recorded-depth.ts";

/** What it takes to keep what slow consumers have missed: cursors against pending maps. */

export interface KeepingFigure {
  readonly market: Market;
  readonly shape: ConflationShape;
  /** Of CPU, an interval. */
  readonly cursorMicros: number;
  readonly mapMicros: number;
  /** Held on top of what is held while nobody lags. */
  readonly cursorBytes: number;
  readonly mapBytes: number;
  readonly mapMessageBytes: number;
  readonly cursorMessageBytes: number;
}

const CONSUMERS = 1000;
const LAGS = [1, 10, 100, 1000] as const;
/** Of which so many are stalled, by market; where nobody is, there is no lag. */
const SHAPES: Readonly<Record<Market, readonly ConflationShape[]>> = {
  walking: [
    { consumers: CONSUMERS, stalled: 0, lag: 1 },
    ...LAGS.map((lag) => ({ consumers: CONSUMERS, stalled: CONSUMERS / 10, lag })),
    ...LAGS.map((lag) => ({ consumers: CONSUMERS, stalled: CONSUMERS, lag })),
  ],
  still: [10, 100].map((lag) => ({ consumers: CONSUMERS, stalled: CONSUMERS, lag })),
};
const ROUNDS = 5;
const ROUND_INTERVALS = 200;
/** Before the first round, so that all is compiled; a run begins with as many intervals as its lag at least. */
const WARM_UP_INTERVALS = 1000;
const WAYS = ["cursors", "maps"] as const;

export async function measureKeeping(
  market: Market,
  smoke: boolean,
  progress: (line: string) => void,
): Promise<KeepingFigure[]> {
  const shapes = SHAPES[market].filter(({ lag }) => !smoke || lag <= 10);
  const rounds = smoke ? 1 : ROUNDS;
  const roundIntervals = smoke ? 20 : ROUND_INTERVALS;
  const warmUp = smoke ? 20 : WARM_UP_INTERVALS;
  const lagMax = Math.max(...shapes.map(({ lag }) => lag));
  // A check takes two lags and a little.
  const intervals = Math.max(2 * lagMax + 20, Math.max(lagMax, warmUp) + rounds * roundIntervals + 1);
  const children = await Promise.all(
    WAYS.map((way) => {
      const start: ConflaterStart = { way, market, smoke, intervals };
      return Child.start<ConflaterCommands>(new URL("./conflater-process.ts", import.meta.url), start);
    }),
  );
  try {
    const figures: KeepingFigure[] = [];
    for (const shape of shapes) {
      progress(`${market} market, ${shape.stalled} of ${CONSUMERS} stalled, lag ${shape.lag}`);
      for (const child of children) await child.ask("check", shape.lag);
      for (const child of children) await child.ask("begin", { shape, warmUp });
      figures.push({ market, ...(await takeRounds(children, shape, rounds, roundIntervals)) });
    }
    return figures;
  } finally {
    for (const child of children) await child.stop();
  }
}

async function takeRounds(
  children: readonly Child<ConflaterCommands>[],
  shape: ConflationShape,
  rounds: number,
  intervals: number,
): Promise<Omit<KeepingFigure, "market">> {
  const micros: number[][] = children.map(() => []);
  const messages = children.map(() => 0);
  const bytes = children.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    for (const [at, child] of children.entries()) {
      const result = await child.ask("run", intervals);
      micros[at]!.push(result.cpuNanos / intervals / 1000);
      messages[at]! += result.messages;
      bytes[at]! += result.bytes;
    }
  }
  expectOutcome(messages[0] === messages[1], `${messages.join(" and ")} messages are as many`);
  const held = [];
  for (const child of children) held.push(await child.ask("heldBytes"));
  return {
    shape,
    cursorMicros: median(micros[0]!),
    mapMicros: median(micros[1]!),
    cursorBytes: held[0]!,
    mapBytes: held[1]!,
    cursorMessageBytes: bytes[0]! / messages[0]!,
    mapMessageBytes: bytes[1]! / messages[1]!,
  };
}
