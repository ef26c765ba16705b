import {
  atLeast,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  expectOutcome,
  type ReportTable,
} from "../support/benchmark.ts";
import { median } from "../support/measure.ts";
import { ackTimesTable } from "./ack-times.ts";
import { BARE, MEMORY, MEMORY_ON_THREADS, type Pair, SQLITE, withServers } from "./ingest-servers.ts";

export const ingestBenchmark: Benchmark = {
  name: "ingest",
  about: "one producer over gRPC on loopback, batches of 100 and of 1, both logs, against grpc-js alone",
  run,
};

const SERVERS = [MEMORY, MEMORY_ON_THREADS, SQLITE, BARE];
const BATCH_SIZES = [
  { batchEvents: 100, batches: 3000 },
  { batchEvents: 1, batches: 20_000 },
] as const;

/** Medians over the rounds. */
interface Figure {
  readonly name: string;
  readonly batchEvents: number;
  readonly perSecond: number;
  readonly perServerCpuSecond: number;
  readonly perProducerCpuSecond: number;
}

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const figures: Figure[] = [];
  for (const { batchEvents, batches } of BATCH_SIZES) {
    progress(`batches of ${batchEvents}`);
    const measured = await withServers(SERVERS, batchEvents, smoke, (pairs) =>
      takeRounds(pairs, batchEvents, smoke ? 50 : batches, smoke ? 1 : 5),
    );
    figures.push(...measured);
  }
  const ackTimes = await ackTimesTable([MEMORY, SQLITE, BARE], smoke, progress);
  const of = (name: string, batchEvents: number) =>
    figures.find((figure) => figure.name === name && figure.batchEvents === batchEvents)!;
  const memory = of(MEMORY.name, 100);
  return {
    tables: [throughputTable(figures), ackTimes],
    goals: [
      atLeast("batches of 100, memory log: events", memory.perSecond / 1e6, 2, "M/s"),
      atLeast("the same by CPU of the server", memory.perServerCpuSecond / 1e6, 2, "M/CPU-s"),
      atLeast("batches of 100, SQLite log: events", of(SQLITE.name, 100).perSecond / 1e6, 1, "M/s"),
    ],
    notes: ["flow R; server and producer in processes of their own; the producer's encoding is done before"],
  };
}

function throughputTable(figures: readonly Figure[]): ReportTable {
  return {
    title: "Acknowledged events",
    columns: [
      "events a batch",
      "server",
      "M/s",
      "M per server CPU-s",
      "M per producer CPU-s",
      "M/s ÷ grpc-js",
      "per CPU-s ÷ grpc-js",
    ],
    rows: figures.map((figure) => {
      const bare = figures.find(
        ({ name, batchEvents }) => name === BARE.name && batchEvents === figure.batchEvents,
      )!;
      return [
        String(figure.batchEvents),
        figure.name,
        figure.perSecond / 1e6,
        figure.perServerCpuSecond / 1e6,
        figure.perProducerCpuSecond / 1e6,
        figure.perSecond / bare.perSecond,
        figure.perServerCpuSecond / bare.perServerCpuSecond,
      ];
    }),
  };
}

async function takeRounds(
  pairs: readonly Pair[],
  batchEvents: number,
  batches: number,
  rounds: number,
): Promise<Figure[]> {
  const perSecond: number[][] = pairs.map(() => []);
  const perServerCpu: number[][] = pairs.map(() => []);
  const perProducerCpu: number[][] = pairs.map(() => []);
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [at, { server, process, producer }] of pairs.entries()) {
      const cpuBefore = await process.ask("cpuSeconds");
      const { events, accepted, wallSeconds, cpuSeconds } = await producer.ask("send", batches);
      const serverCpu = (await process.ask("cpuSeconds")) - cpuBefore;
      if (server.counts) expectOutcome(accepted === events, `${accepted} of ${events} accepted`);
      if (round === 0) continue;
      perSecond[at]!.push(events / wallSeconds);
      perServerCpu[at]!.push(events / serverCpu);
      perProducerCpu[at]!.push(events / cpuSeconds);
    }
  }
  return pairs.map(({ server }, at) => ({
    name: server.name,
    batchEvents,
    perSecond: median(perSecond[at]!),
    perServerCpuSecond: median(perServerCpu[at]!),
    perProducerCpuSecond: median(perProducerCpu[at]!),
  }));
}
