import type { Flow } from "./flow.ts";
import { LevelChurnFlow } from "./level-churn-flow.ts";
import { RealisticFlow } from "./realistic-flow.ts";
import { SweepFlow } from "./sweep-flow.ts";
import { UniformFlow } from "./uniform-flow.ts";

export const FLOW_NAMES = ["R", "S", "N", "U"] as const;
export type FlowName = (typeof FLOW_NAMES)[number];

/** The same flow in every process and run. */
const SEED = 20_260_701;
/** How much smaller the books of a smoke run are. */
const SMOKE_DIVISOR = 50;

export function createFlow(name: FlowName, smoke: boolean): Flow {
  const divisor = smoke ? SMOKE_DIVISOR : 1;
  switch (name) {
    case "R":
      return new RealisticFlow(SEED, {
        liveOrders: 100_000 / divisor,
        levelsPerSide: Math.ceil(1140 / divisor),
      });
    case "S":
      return new SweepFlow(SEED, { levels: 5000 / divisor });
    case "N":
      return new LevelChurnFlow(SEED, { levelsPerSide: 50_000 / divisor });
    case "U":
      return new UniformFlow(SEED, { pricesPerSide: 1_000_000 / divisor });
  }
}
