import {
  atLeast,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  expectOutcome,
} from "../support/benchmark.ts";
import { Child } from "../support/child-process.ts";
import type { ServerCommands, ServerStart } from "../support/depthcast-process.ts";
import { median } from "../support/measure.ts";
import type { ProducerCommands, ProducerStart } from "./producer-process.ts";

export const ingestBenchmark: Benchmark = {
  name: "ingest",
  about: "one producer over gRPC on loopback, batches of 100 and of 1, against grpc-js alone",
  run,
};

const SYMBOL = "BTC-USD";
const SERVERS = [
  { name: "depthcast, memory log", script: new URL("../support/depthcast-process.ts", import.meta.url) },
  { name: "grpc-js alone", script: new URL("./bare-grpc-process.ts", import.meta.url) },
] as const;
const BATCH_SIZES = [
  { batchEvents: 100, batches: 3000 },
  { batchEvents: 1, batches: 20_000 },
] as const;

interface Figure {
  readonly name: string;
  readonly batchEvents: number;
  readonly eventsPerSecond: number;
  readonly eventsPerServerCpuSecond: number;
  readonly eventsPerProducerCpuSecond: number;
}

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const figures: Figure[] = [];
  for (const { batchEvents, batches } of BATCH_SIZES) {
    progress(`batches of ${batchEvents}`);
    figures.push(...(await measure(batchEvents, smoke ? 50 : batches, smoke)));
  }
  const own = figures.find(({ name, batchEvents }) => name === SERVERS[0].name && batchEvents === 100)!;
  return {
    tables: [
      {
        title: "Acknowledged events",
        columns: ["events a batch", "server", "M/s", "M per server CPU-s", "M per producer CPU-s"],
        rows: figures.map((figure) => [
          String(figure.batchEvents),
          figure.name,
          figure.eventsPerSecond / 1e6,
          figure.eventsPerServerCpuSecond / 1e6,
          figure.eventsPerProducerCpuSecond / 1e6,
        ]),
      },
    ],
    goals: [
      atLeast("batches of 100, memory log: events", own.eventsPerSecond / 1e6, 2, "M/s"),
      atLeast("the same by CPU of the server", own.eventsPerServerCpuSecond / 1e6, 2, "M/CPU-s"),
    ],
    notes: [
      "flow R; server and producer in processes of their own; the producer's encoding is done before",
      "the SQLite log does not exist yet",
    ],
  };
}

interface Pair {
  readonly name: string;
  readonly server: Child<ServerCommands>;
  readonly producer: Child<ProducerCommands>;
}

async function measure(batchEvents: number, batches: number, smoke: boolean): Promise<Figure[]> {
  const pairs: Pair[] = [];
  try {
    for (const { name, script } of SERVERS) {
      const server = await Child.start<ServerCommands>(script, { symbols: [SYMBOL] } satisfies ServerStart);
      const { grpc } = await server.ask("ports");
      const start: ProducerStart = { grpcPort: grpc, symbol: SYMBOL, batchEvents, smoke };
      const producerScript = new URL("./producer-process.ts", import.meta.url);
      pairs.push({ name, server, producer: await Child.start<ProducerCommands>(producerScript, start) });
    }
    return await takeRounds(pairs, batchEvents, batches, smoke ? 1 : 5);
  } finally {
    await Promise.all(pairs.flatMap(({ server, producer }) => [producer.stop(), server.stop()]));
  }
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
    for (const [at, { name, server, producer }] of pairs.entries()) {
      const cpuBefore = await server.ask("cpuSeconds");
      const { events, accepted, wallSeconds, cpuSeconds } = await producer.ask("send", batches);
      const serverCpu = (await server.ask("cpuSeconds")) - cpuBefore;
      if (name === SERVERS[0].name) expectOutcome(accepted === events, `${accepted} of ${events} accepted`);
      if (round === 0) continue;
      perSecond[at]!.push(events / wallSeconds);
      perServerCpu[at]!.push(events / serverCpu);
      perProducerCpu[at]!.push(events / cpuSeconds);
    }
  }
  return pairs.map(({ name }, at) => ({
    name,
    batchEvents,
    eventsPerSecond: median(perSecond[at]!),
    eventsPerServerCpuSecond: median(perServerCpu[at]!),
    eventsPerProducerCpuSecond: median(perProducerCpu[at]!),
  }));
}
