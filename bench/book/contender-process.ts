import { createBatches } from "../flows/batches.ts";
import { createFlow, type FlowName } from "../flows/flows.ts";
import { answerCommands } from "../support/child-process.ts";
import type { BookTop } from "./contender.ts";
import { createContender } from "./contenders.ts";

/** The process of one book: makes the flow's events itself and applies them, round by round. */

export interface ContenderStart {
  readonly name: string;
  readonly flow: FlowName;
  readonly smoke: boolean;
}

export interface ContenderCommands {
  /** Applies the next events; the nanoseconds of CPU for each. */
  round(): Promise<number>;
  top(): Promise<BookTop | undefined>;
}

/** Events of a round. The first part is not measured: it brings the book back into the caches. */
const LEAD_IN_EVENTS = 25_000;
const MEASURED_EVENTS = 50_000;
const SMOKE_EVENTS = 2000;
/** Levels that have to be the same in all books. */
const COMPARED_LEVELS = 100;

answerCommands<ContenderCommands>(async ({ name, flow: flowName, smoke }: ContenderStart) => {
  const flow = createFlow(flowName, smoke);
  const contender = await createContender(name);
  await contender.load(flow.prefill());
  const leadIn = createBatches(smoke ? SMOKE_EVENTS : LEAD_IN_EVENTS);
  const measured = createBatches(smoke ? SMOKE_EVENTS : MEASURED_EVENTS);
  return {
    round: async () => {
      flow.fill(leadIn);
      await contender.apply(leadIn);
      flow.fill(measured);
      return (await contender.apply(measured)) / (smoke ? SMOKE_EVENTS : MEASURED_EVENTS);
    },
    top: async () => contender.top(COMPARED_LEVELS),
  };
});
