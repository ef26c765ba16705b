import { it } from "vitest";
import { runSoak, soakPlan } from "../support/soak.ts";

const plan = soakPlan(process.env);

it(
  `a server on ${plan.gateways} gateways bears its load for ${plan.seconds} s, stalls and dying gateways`,
  { timeout: (plan.seconds + 240) * 1000 },
  () => runSoak(plan),
);
