import { setTimeout as sleep } from "node:timers/promises";
import {
  atLeast,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  expectOutcome,
  type Goal,
} from "../support/benchmark.ts";
import { median } from "../support/measure.ts";
import {
  type FanoutShape,
  type Rival,
  startDepthcast,
  startNative,
  startSocketIo,
  startWs,
} from "./websocket-rivals.ts";

export const webSocketFanoutBenchmark: Benchmark = {
  name: "fanout-ws",
  about: "updates to many WebSocket connections, against ws, socket.io and a loop of write() in C",
  run,
};

const SHAPES: readonly FanoutShape[] = [
  { connections: 200, symbols: 1, intervalMs: 50 },
  { connections: 200, symbols: 1, intervalMs: 0 },
  { connections: 1000, symbols: 1, intervalMs: 50 },
  { connections: 1000, symbols: 1, intervalMs: 0 },
  { connections: 1000, symbols: 5, intervalMs: 50 },
  { connections: 1000, symbols: 20, intervalMs: 50 },
];
const SMOKE_SHAPES: readonly FanoutShape[] = [
  { connections: 10, symbols: 1, intervalMs: 50 },
  { connections: 10, symbols: 5, intervalMs: 50 },
];
/** What an update of depthcast takes here, so that the others send as much. */
const MESSAGE_BYTES = 226;
const ROUND_SECONDS = 1;
/** The others are compared at these; depthcast alone at the rest. */
const COMPARED_SYMBOLS = 1;

interface Figure {
  readonly shape: FanoutShape;
  readonly name: string;
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly bytesPerDelivery: number;
}

async function run({ smoke, peersInstalled, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const figures: Figure[] = [];
  for (const shape of smoke ? SMOKE_SHAPES : SHAPES) {
    progress(shapeText(shape));
    figures.push(...(await measure(shape, smoke, peersInstalled)));
  }
  return {
    tables: [
      {
        title: "Deliveries to WebSocket connections",
        columns: ["connections, symbols, interval", "server", "per server CPU-s", "per s", "bytes each"],
        rows: figures.map(({ shape, name, perCpuSecond, perSecond, bytesPerDelivery }) => [
          shapeText(shape),
          name,
          perCpuSecond,
          perSecond,
          bytesPerDelivery,
        ]),
      },
    ],
    goals: smoke ? [] : goals(figures),
    notes: [
      "a delivery is one update of one symbol handed to one connection; those of one flush leave together",
      "depthcast's CPU includes taking the events in over gRPC, the book and the encoding; the others send one ready message",
      "saturated, a reader that lags is not woken for each write, which is why a loop of write() looks cheaper there than at 50 ms",
      "saturated: depthcast is fed as fast as it acknowledges, the others send whenever all is written out",
    ],
  };
}

async function measure(shape: FanoutShape, smoke: boolean, peersInstalled: boolean): Promise<Figure[]> {
  const rivals: Rival[] = [];
  try {
    rivals.push(await startDepthcast(shape));
    if (shape.symbols === COMPARED_SYMBOLS) {
      rivals.push(await startWs(shape, MESSAGE_BYTES));
      if (peersInstalled) rivals.push(await startSocketIo(shape, MESSAGE_BYTES));
      const native = await startNative(shape, MESSAGE_BYTES);
      if (native !== undefined) rivals.push(native);
    }
    return await takeRounds(rivals, shape, smoke);
  } finally {
    for (const rival of rivals) await rival.stop();
  }
}

async function takeRounds(rivals: readonly Rival[], shape: FanoutShape, smoke: boolean): Promise<Figure[]> {
  const seconds = smoke ? 0.3 : ROUND_SECONDS;
  const perCpu: number[][] = rivals.map(() => []);
  const perSecond: number[][] = rivals.map(() => []);
  const bytes: number[][] = rivals.map(() => []);
  // Round 0 warms up.
  for (let round = 0; round <= (smoke ? 1 : 5); round++) {
    for (const [at, rival] of rivals.entries()) {
      const before = await rival.received();
      const { deliveries, cpuSeconds } = await rival.run(seconds);
      await sleep(200);
      const after = await rival.received();
      const frames = after.frames - before.frames;
      // What is still under way when it is counted belongs to the next round.
      const late = deliveries / 10 + shape.connections;
      const arrived = frames >= deliveries / shape.symbols - late && frames <= deliveries + late;
      if (round === 0) continue;
      expectOutcome(deliveries > 0 && arrived, `${rival.name}: ${frames} frames of ${deliveries} deliveries`);
      perCpu[at]!.push(deliveries / cpuSeconds);
      perSecond[at]!.push(deliveries / seconds);
      bytes[at]!.push((after.bytes - before.bytes) / deliveries);
    }
  }
  return rivals.map(({ name }, at) => ({
    shape,
    name,
    perCpuSecond: median(perCpu[at]!),
    perSecond: median(perSecond[at]!),
    bytesPerDelivery: median(bytes[at]!),
  }));
}

function goals(figures: readonly Figure[]): Goal[] {
  const find = (connections: number, symbols: number, intervalMs: number, name: string): number =>
    figures.find(
      (figure) =>
        figure.name === name &&
        figure.shape.connections === connections &&
        figure.shape.symbols === symbols &&
        figure.shape.intervalMs === intervalMs,
    )?.perCpuSecond ?? Number.NaN;
  // At 50 ms all meet readers that have read everything, so that the kernel's part is the same for all.
  const paced = find(1000, 1, 50, "depthcast");
  const against = (name: string, bound: number): Goal =>
    atLeast(`1,000 connections, 50 ms: speed of ${name}`, paced / find(1000, 1, 50, name), bound, "×");
  return [
    against("ws, send to each", 1.1),
    against("socket.io broadcast", 1.5),
    against("C, write() to each", 0.65),
    atLeast("5 symbols over 1", find(1000, 5, 50, "depthcast") / paced, 3.5, "×"),
    atLeast("20 symbols over 1", find(1000, 20, 50, "depthcast") / paced, 10, "×"),
  ];
}

function shapeText({ connections, symbols, intervalMs }: FanoutShape): string {
  return `${connections}, ${symbols}, ${intervalMs === 0 ? "saturated" : `${intervalMs} ms`}`;
}
