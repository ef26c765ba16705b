import {
  atLeast,
  atMost,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type Goal,
  type ReportTable,
} from "../support/benchmark.ts";
import { type KeepingFigure, measureKeeping } from "./driven-consumers.ts";
import { type HealthyFigure, measureHealthy } from "./real-sockets.ts";

export const conflationBenchmark: Benchmark = {
  name: "conflation",
  about:
    "1,000 consumers of which some or all are stalled: cursors against a pending map for each, and what the healthy feel",
  run,
};

/** What `process.memoryUsage` tells apart between two collections. */
const MEMORY_STEP_BYTES = 64 * 1024;

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const keeping = [
    ...(await measureKeeping("walking", smoke, progress)),
    ...(await measureKeeping("still", smoke, progress)),
  ];
  const healthy = await measureHealthy(smoke, progress);
  return {
    tables: [keepingTable(keeping), healthyTable(healthy)],
    goals: smoke ? [] : goals(keeping, healthy),
    notes: [
      "first table: in the broadcaster's own process, without sockets; the benchmark says when a consumer is writable. Lag n: each stalled consumer takes one message in n intervals, each at another time",
      "both find the change, and encode it for those who keep up, once; both with depthcast's encoder; neither pays for a transport",
      "walking: depth 20, the mid moves by up to 10 ticks an interval and 14 levels change besides; still: flow R, 200 events an interval",
      "bytes held: on top of what is held while nobody lags, after a collection; below 64 KiB nothing can be told apart",
      "every consumer's book is checked against the chain and the checksums, in a run of its own for each lag",
      "second table: a real server, interval 0, one event at a time; the stalled are sockets that nobody reads, the 20 that are timed are served last",
    ],
  };
}

function keepingTable(figures: readonly KeepingFigure[]): ReportTable {
  return {
    title: "Keeping what stalled consumers have missed: CPU an interval, and memory",
    columns: [
      "market",
      "stalled",
      "lag",
      "µs",
      "µs, maps",
      "×",
      "KB held",
      "KB, maps",
      "bytes a message",
      "maps",
    ],
    rows: figures.map((figure) => [
      figure.market,
      `${figure.shape.stalled} of ${figure.shape.consumers}`,
      figure.shape.stalled === 0 ? "–" : figure.shape.lag,
      figure.cursorMicros,
      figure.mapMicros,
      figure.mapMicros / figure.cursorMicros,
      figure.cursorBytes / 1000,
      figure.mapBytes / 1000,
      figure.cursorMessageBytes,
      figure.mapMessageBytes,
    ]),
  };
}

function healthyTable(figures: readonly HealthyFigure[]): ReportTable {
  return {
    title: "What the healthy wait beside stalled sockets",
    columns: ["healthy", "stalled", "p50 ms", "p99 ms"],
    rows: figures.map(({ healthy, stalled, p50, p99 }) => [String(healthy), String(stalled), p50, p99]),
  };
}

function goals(keeping: readonly KeepingFigure[], healthy: readonly HealthyFigure[]): Goal[] {
  const at100 = keeping.find(
    ({ market, shape }) => market === "walking" && shape.stalled === shape.consumers && shape.lag === 100,
  )!;
  const [alone, besideStalled, allHealthy, tenthStalled] = healthy;
  const held = Math.max(at100.cursorBytes, MEMORY_STEP_BYTES);
  return [
    atLeast("all stalled, lag 100: CPU of the maps", at100.mapMicros / at100.cursorMicros, 30, "×"),
    atLeast("all stalled, lag 100: memory of the maps", at100.mapBytes / held, 30, "×"),
    atMost("p99 of 20 healthy beside 1,000 stalled, over alone", besideStalled!.p99 / alone!.p99, 1.1, "×"),
    atMost("p99 with 100 of 1,000 stalled, over none", tenthStalled!.p99 / allHealthy!.p99, 1.1, "×"),
  ];
}
