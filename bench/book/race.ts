import type { FlowName } from "../flows/flows.ts";
import { expectOutcome } from "../support/benchmark.ts";
import { Child } from "../support/child-process.ts";
import { median } from "../support/measure.ts";
import type { ContenderCommands, ContenderStart } from "./contender-process.ts";

/** A contender that takes longer than this for an event drops out after this many rounds. */
const SLOW_NANOS = 10_000;
const SLOW_ROUNDS = 5;
const WARM_UP_ROUNDS = 2;

export interface RaceResult {
  readonly flow: FlowName;
  /** In the order of the contenders. */
  readonly figures: readonly RaceFigure[];
}

export interface RaceFigure {
  readonly name: string;
  readonly nanosPerEvent: number;
  /** Nanoseconds an event of the slowest round. */
  readonly slowest: number;
  readonly rounds: number;
}

interface Race {
  readonly flow: FlowName;
  readonly names: readonly string[];
  readonly smoke: boolean;
  readonly rounds: number;
}

interface Runner {
  readonly name: string;
  readonly child: Child<ContenderCommands>;
  readonly nanos: number[];
  stopped: boolean;
}

/**
 * All contenders take the same events, a round of each in turn. Whoever stops has to have the same best
 * levels as the first contender then.
 */
export async function runRace({ flow, names, smoke, rounds }: Race): Promise<RaceResult> {
  const runners: Runner[] = [];
  try {
    const script = new URL("./contender-process.ts", import.meta.url);
    const start = async (name: string): Promise<void> => {
      const order: ContenderStart = { name, flow, smoke };
      const child = await Child.start<ContenderCommands>(script, order);
      runners.push({ name, child, nanos: [], stopped: false });
    };
    // One by one where times count: what is loaded in parallel competes for memory bandwidth.
    if (smoke) await Promise.all(names.map(start));
    else for (const name of names) await start(name);
    runners.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
    for (let round = 1 - WARM_UP_ROUNDS; round <= rounds; round++) await runRound(runners, round, rounds);
  } finally {
    await Promise.all(runners.map(({ child }) => child.stop()));
  }
  return { flow, figures: runners.map(figureOf) };
}

async function runRound(runners: readonly Runner[], round: number, rounds: number): Promise<void> {
  for (const runner of runners) {
    if (runner.stopped) continue;
    const nanos = await runner.child.ask("round");
    if (round > 0) runner.nanos.push(nanos);
    const dropsOut = round >= SLOW_ROUNDS && nanos > SLOW_NANOS;
    if (round < rounds && !dropsOut) continue;
    if (runner !== runners[0]) {
      runner.stopped = true;
      await compareTops(runner, runners[0]!);
    }
  }
}

async function compareTops(runner: Runner, first: Runner): Promise<void> {
  const top = await runner.child.ask("top");
  if (top === undefined) return;
  const same = JSON.stringify(top) === JSON.stringify(await first.child.ask("top"));
  expectOutcome(same, `${runner.name} has another book than ${first.name}`);
}

function figureOf({ name, nanos }: Runner): RaceFigure {
  return { name, nanosPerEvent: median(nanos), slowest: Math.max(...nanos), rounds: nanos.length };
}
