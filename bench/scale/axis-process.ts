import { answerCommands } from "../support/child-process.ts";
import { cpuNanos, heldBytes } from "../support/measure.ts";
import { takeTurns } from "../support/turns.ts";
import { AXES, type Axis, type AxisName } from "./axes.ts";
import { Pipeline } from "./pipeline.ts";

/** Measures along one axis, in a process of its own. */

export interface AxisCommands {
  measure(order: { readonly axis: AxisName; readonly smoke: boolean }): Promise<AxisPoint[]>;
}

export interface AxisPoint {
  readonly size: number;
  /** CPU of an interval: a batch for each book, applied, published and sent. */
  readonly intervalNanos: number;
  /** CPU of making the books, order by order. */
  readonly fillNanos: number;
  /** What books, board, views and consumers hold. */
  readonly bytes: number;
}

const ROUNDS = 7;
const SMOKE_SIZES = 3;

answerCommands<AxisCommands>(() =>
  Promise.resolve({
    measure: async ({ axis: name, smoke }) => {
      const axis: Axis = AXES[name];
      const sizes = smoke ? axis.sizes.slice(0, SMOKE_SIZES) : axis.sizes;
      // Compiled before anything is measured, so that the smallest do not pay for the others.
      await start(axis, sizes[0]!);
      const pipelines = [];
      for (const size of sizes) pipelines.push(await start(axis, size));
      const contestants = pipelines.map(({ size, pipeline }) => ({
        name: String(size),
        work: () => pipeline.interval(),
        units: 1,
      }));
      const nanos = takeTurns(contestants, smoke ? 1 : ROUNDS, smoke);
      for (const { pipeline } of pipelines) await pipeline.check();
      return pipelines.map(({ size, fillNanos, bytes }, at) => ({
        size,
        fillNanos,
        bytes,
        intervalNanos: nanos[at]!,
      }));
    },
  }),
);

async function start(axis: Axis, size: number) {
  const before = await heldBytes();
  const pipeline = new Pipeline(axis.shapeAt(size));
  const fillNanos = cpuNanos(() => pipeline.fill());
  await pipeline.connectConsumers();
  return { size, pipeline, fillNanos, bytes: (await heldBytes()) - before };
}
