import {
  atMost,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type ReportTable,
} from "../support/benchmark.ts";
import { median, quantile } from "../support/measure.ts";
import { Load } from "./load.ts";
import type { ProbeOrder, ProbeTimes } from "./prober-process.ts";
import { ECHO, MEMORY_LOG, SQLITE_LOG, startTargets, type Target } from "./targets.ts";

export const latencyBenchmark: Benchmark = {
  name: "latency",
  about: "from an event sent to its update received, quiet and under load, against an echo on grpc-js",
  run,
};

/** A way from the producer to a consumer, and how it is probed. */
interface Path {
  readonly text: string;
  readonly order: Omit<ProbeOrder, "count">;
  /** Events in a run. */
  readonly count: number;
}

const GAP_MS = [1, 3] as const;
const ACKNOWLEDGED: Path = {
  text: "echo",
  order: { transports: [], intervalMs: 0, gapMs: GAP_MS },
  count: 2400,
};
const AT_ONCE: readonly Path[] = (["grpc", "websocket"] as const).map((transport) => ({
  text: `${transport}, 0 ms`,
  order: { transports: [transport], intervalMs: 0, gapMs: GAP_MS },
  count: 2400,
}));
const BOTH = { transports: ["grpc", "websocket"], intervalMs: 50 } as const;
/** Each event after more than two intervals without one: whatever the grid of ticks, it leaves at once. */
const PACED_QUIET: Path = { text: "50 ms", order: { ...BOTH, gapMs: [105, 125] }, count: 60 };
/** Anywhere in the interval. */
const PACED_BUSY: Path = { text: "50 ms", order: { ...BOTH, gapMs: [1, 51] }, count: 180 };

const ROUNDS = 3;
/** Fewer do not tell what one in a thousand takes. */
const SAMPLES_FOR_P999 = 1000;

interface Figure {
  readonly load: string;
  readonly target: string;
  readonly path: string;
  /** Milliseconds. */
  readonly times: number[];
  /** Milliseconds until the acknowledgement, of the same events. */
  readonly acknowledged: number[];
}

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const targets = await startTargets();
  const figures: Figure[] = [];
  const loads: Load[] = [];
  try {
    await probeAll(figures, "quiet", targets, PACED_QUIET, smoke, progress, []);
    for (const target of targets.slice(1)) loads.push(await Load.start(target, smoke));
    // The echo's own process has no load; the machine has.
    await probeAll(figures, "load", targets, PACED_BUSY, smoke, progress, [loads[0]!, ...loads]);
  } finally {
    for (const load of loads) await load.stop();
    for (const target of targets) await target.stop();
  }
  return {
    tables: [latencyTable(figures)],
    goals: smoke ? [] : goals(figures),
    notes: [
      "milliseconds from the producer's write to the arrival at the consumer, in one process, on loopback; one event under way at a time",
      "the echo answers each message with ten bytes; it does neither check nor keep anything",
      `quiet: nothing else; load: ${Load.about}. The echo's own process has no load, the machine has`,
      "50 ms, quiet: after more than two intervals without a change, so it leaves at once; under load the wait for the tick is part of it",
      "commit: what the acknowledgement takes more than with the memory log",
      ...(smoke
        ? []
        : [
            `CPU of the servers under load: ${loads.map(({ serverShare }) => `${Math.round(serverShare * 100)} %`).join(", ")} of a core`,
          ]),
    ],
  };
}

/** Rounds in turn, so that what the machine does meanwhile hits all alike. `loads` go with the targets. */
async function probeAll(
  figures: Figure[],
  loadName: string,
  targets: readonly Target[],
  paced: Path,
  smoke: boolean,
  progress: (line: string) => void,
  loads: readonly Load[],
): Promise<void> {
  // Round 0 warms up.
  for (let round = 0; round <= (smoke ? 1 : ROUNDS); round++) {
    progress(`${loadName}, ${round === 0 ? "warming up" : `round ${round}`}`);
    for (const [at, target] of targets.entries()) {
      const probeEach = async (): Promise<void> => {
        for (const path of target.hasUpdates ? [...AT_ONCE, paced] : [ACKNOWLEDGED]) {
          const count = smoke ? 5 : Math.ceil((round === 0 ? path.count / 10 : path.count) / ROUNDS);
          const times = await target.probe({ ...path.order, count });
          if (round > 0) note(figures, loadName, target, path, times);
        }
      };
      const load = loads[at];
      await (load === undefined ? probeEach() : load.during(probeEach));
    }
  }
}

function note(figures: Figure[], load: string, target: Target, path: Path, times: ProbeTimes): void {
  const { transports } = path.order;
  const names = transports.length > 1 ? transports.map((name) => `${name}, ${path.text}`) : [path.text];
  for (const [at, name] of names.entries()) {
    let figure = figures.find((one) => one.load === load && one.target === target.name && one.path === name);
    if (figure === undefined) {
      figure = { load, target: target.name, path: name, times: [], acknowledged: [] };
      figures.push(figure);
    }
    figure.times.push(...(times.received[at] ?? times.acknowledged));
    figure.acknowledged.push(...times.acknowledged);
  }
}

function latencyTable(figures: readonly Figure[]): ReportTable {
  return {
    title: "Event sent to update received",
    columns: ["", "server", "way", "p50 ms", "p99", "p99.9", "× echo", "acknowledged, p50", "commit"],
    rows: figures.map(({ load, target, path, times, acknowledged }) => [
      load,
      target,
      path,
      median(times),
      quantile(times, 0.99),
      times.length < SAMPLES_FOR_P999 ? Number.NaN : quantile(times, 0.999),
      median(times) / median(echoOf(figures, load).times),
      median(acknowledged),
      target === SQLITE_LOG
        ? median(acknowledged) - median(figureOf(figures, load, MEMORY_LOG, path).acknowledged)
        : Number.NaN,
    ]),
  };
}

function goals(figures: readonly Figure[]) {
  const ratio = (path: string): number => {
    const own = figureOf(figures, "quiet", MEMORY_LOG, path);
    return median(own.times) / median(echoOf(figures, "quiet").times);
  };
  return [
    atMost("gRPC, interval 0, memory log, p50 over the echo", ratio("grpc, 0 ms"), 3, "×"),
    atMost("WebSocket, the same", ratio("websocket, 0 ms"), 3, "×"),
  ];
}

function echoOf(figures: readonly Figure[], load: string): Figure {
  return figureOf(figures, load, ECHO, ACKNOWLEDGED.text);
}

function figureOf(figures: readonly Figure[], load: string, target: string, path: string): Figure {
  return figures.find((one) => one.load === load && one.target === target && one.path === path)!;
}
