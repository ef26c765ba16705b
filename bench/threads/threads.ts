import { availableParallelism } from "node:os";
import {
  deliveriesPerCpuSecond,
  type FanoutFigure,
  fanoutTable,
  takeRounds,
} from "../fanout/fanout-rounds.ts";
import { type FanoutShape, type Rival, startDepthcast, stopAll } from "../fanout/rival.ts";
import { startClients } from "../fanout/websocket-rivals.ts";
import {
  atLeast,
  atMost,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type Goal,
} from "../support/benchmark.ts";

export const threadsBenchmark: Benchmark = {
  name: "threads",
  about: "the same fan-out to WebSocket connections with 1, 2 and 3 gateway threads, against itself",
  run,
};

const GATEWAYS = [1, 2, 3] as const;
const SHAPES: readonly FanoutShape[] = [
  { connections: 600, streams: 1, symbols: 5, intervalMs: 50 },
  { connections: 600, streams: 1, symbols: 5, intervalMs: 0 },
];
const SMOKE_SHAPES: readonly FanoutShape[] = [{ connections: 12, streams: 1, symbols: 2, intervalMs: 50 }];

/**
 * Each thread compiles the server's code for itself, and of three gateways each makes a third of the calls that
 * bring its compiler to it: what one gateway has after three seconds, three have after ten to twelve.
 */
const WARM_UP_SECONDS = 12;

/** Two gateways, the engine, the log's thread, the producer and the clients, each on a core of its own. */
const CORES_FOR_TWO_GATEWAYS = 6;

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const figures: FanoutFigure[] = [];
  for (const shape of smoke ? SMOKE_SHAPES : SHAPES) {
    progress(`${shape.connections} connections, ${shape.intervalMs} ms`);
    figures.push(...(await takeRounds(await startServers(shape, smoke), shape, smoke, WARM_UP_SECONDS)));
  }
  const cores = availableParallelism();
  const canJudgeGain = cores >= CORES_FOR_TWO_GATEWAYS;
  return {
    tables: [fanoutTable("Deliveries to WebSocket connections, by gateway threads", figures)],
    goals: smoke ? [] : goals(figures, canJudgeGain),
    notes: [
      "CPU is that of all threads of the server: the gateways, one engine and the log's",
      "saturated: fed as fast as it acknowledges; deliveries a second are what the gateways get through",
      ...(canJudgeGain || smoke
        ? []
        : [
            `deliveries a second with 2 gateways over 1, saturated: ${gain(figures).toFixed(2)} ×. Not judged: two gateways, engine, log, producer and clients run side by side only on ${CORES_FOR_TWO_GATEWAYS} free cores, and here are ${cores}`,
          ]),
    ],
  };
}

async function startServers(shape: FanoutShape, smoke: boolean): Promise<Rival[]> {
  const servers: Rival[] = [];
  try {
    for (const gateways of smoke ? GATEWAYS.slice(0, 2) : GATEWAYS) {
      const server = await startDepthcast(shape, "http", (port) => startClients(port, shape), gateways);
      servers.push({ ...server, name: nameOf(gateways) });
    }
  } catch (failure) {
    await stopAll(servers);
    throw failure;
  }
  return servers;
}

function goals(figures: readonly FanoutFigure[], canJudgeGain: boolean): Goal[] {
  const costRatio = (intervalMs: number): number =>
    deliveriesPerCpuSecond(figures, nameOf(1), { intervalMs }) /
    deliveriesPerCpuSecond(figures, nameOf(3), { intervalMs });
  const costs = [
    atMost("CPU per delivery with 3 gateways over 1, 50 ms", costRatio(50), 1.1, "×"),
    atMost("the same, saturated", costRatio(0), 1.1, "×"),
  ];
  if (!canJudgeGain) return costs;
  return [
    ...costs,
    atLeast("saturated: deliveries a second with 2 gateways over 1", gain(figures), 1.7, "×"),
  ];
}

/** Deliveries a second of two gateways over one's, where they are kept busy. */
function gain(figures: readonly FanoutFigure[]): number {
  const perSecond = (gateways: number): number =>
    figures.find(({ name, shape }) => name === nameOf(gateways) && shape.intervalMs === 0)?.perSecond ??
    Number.NaN;
  return perSecond(2) / perSecond(1);
}

function nameOf(gateways: number): string {
  return gateways === 1 ? "1 gateway" : `${gateways} gateways`;
}
