import { cpuNanos, median } from "./measure.ts";

/** One way of doing the work that others do too. */
export interface Contestant {
  readonly name: string;
  /** Does the work once. */
  work(): void;
  /** How many units of work that is. */
  readonly units: number;
}

/** The least that one measurement lasts: the clock counts microseconds. */
const ROUND_NANOS_MIN = 20e6;

/**
 * CPU nanoseconds a unit for each contestant: the median of `rounds` rounds in which all take their turn,
 * so that whatever else the machine does hits all alike.
 */
export function takeTurns(contestants: readonly Contestant[], rounds: number, smoke: boolean): number[] {
  const repeats = contestants.map((contestant) => (smoke ? 1 : repeatsFor(contestant)));
  const figures: number[][] = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      const count = repeats[index]!;
      const nanos = cpuNanos(() => repeat(contestant, count));
      figures[index]!.push(nanos / (count * contestant.units));
    }
  }
  return figures.map(median);
}

/** Warms up, and finds out how often the work has to be done to be measured. */
function repeatsFor(contestant: Contestant): number {
  let count = 1;
  for (;;) {
    const nanos = cpuNanos(() => repeat(contestant, count));
    if (nanos >= ROUND_NANOS_MIN * 2) return Math.max(1, Math.round((count * ROUND_NANOS_MIN) / nanos));
    count *= 2;
  }
}

function repeat(contestant: Contestant, count: number): void {
  for (let done = 0; done < count; done++) contestant.work();
}
