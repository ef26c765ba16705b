import {
  atLeast,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type Goal,
} from "../support/benchmark.ts";
import {
  type FanoutFigure,
  fanoutTable,
  deliveriesPerCpuSecond,
  shapeText,
  takeRounds,
} from "./fanout-rounds.ts";
import { openFilesShortage } from "../support/open-files.ts";
import type { FanoutShape } from "./rival.ts";
import { startWebSocketRivals } from "./websocket-rivals.ts";

export const webSocketFanoutBenchmark: Benchmark = {
  name: "fanout-ws",
  about: "updates to many WebSocket connections, against ws, socket.io and a loop of write() in C",
  run,
};

const SHAPES: readonly FanoutShape[] = [
  { connections: 200, streams: 1, symbols: 1, intervalMs: 50 },
  { connections: 200, streams: 1, symbols: 1, intervalMs: 0 },
  { connections: 1000, streams: 1, symbols: 1, intervalMs: 50 },
  { connections: 1000, streams: 1, symbols: 1, intervalMs: 0 },
  { connections: 1000, streams: 1, symbols: 5, intervalMs: 50 },
  { connections: 1000, streams: 1, symbols: 20, intervalMs: 50 },
  { connections: 5000, streams: 1, symbols: 1, intervalMs: 50 },
  { connections: 5000, streams: 1, symbols: 1, intervalMs: 0 },
];
const SMOKE_SHAPES: readonly FanoutShape[] = [{ connections: 10, streams: 1, symbols: 1, intervalMs: 50 }];

async function run({ smoke, peersInstalled, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const figures: FanoutFigure[] = [];
  const leftOut: string[] = [];
  for (const shape of smoke ? SMOKE_SHAPES : SHAPES) {
    const shortage = openFilesShortage(shape.connections);
    if (shortage !== undefined) {
      leftOut.push(`${shapeText(shape)}: left out, ${shortage}`);
      continue;
    }
    progress(shapeText(shape));
    // The others are compared at one symbol; with more, depthcast is compared with itself.
    const rivals = await startWebSocketRivals(shape, { alone: shape.symbols > 1, peersInstalled });
    figures.push(...(await takeRounds(rivals, shape, smoke)));
  }
  return {
    tables: [fanoutTable("Deliveries to WebSocket connections", figures)],
    goals: smoke ? [] : goals(figures),
    notes: [
      ...leftOut,
      "a delivery is one update of one symbol handed to one connection; those of one flush leave together",
      "depthcast's CPU includes taking the events in over gRPC, the book and the encoding; the others send one ready message",
      "what depthcast takes without clients was measured before they came, fed alike; it is in its figure too",
      "saturated: depthcast is fed as fast as it acknowledges, the others send whenever all is written out",
      "saturated, a reader that lags is not woken for each write, which is why a loop of write() looks cheaper there than at 50 ms",
    ],
  };
}

function goals(figures: readonly FanoutFigure[]): Goal[] {
  const at = (name: string, symbols: number): number =>
    deliveriesPerCpuSecond(figures, name, { connections: 1000, symbols, intervalMs: 50 });
  // At 50 ms all meet readers that have read everything, so that the kernel's part is the same for all.
  const own = at("depthcast", 1);
  const against = (name: string, bound: number): Goal =>
    atLeast(`1,000 connections, 50 ms: speed of ${name}`, own / at(name, 1), bound, "×");
  return [
    against("ws, send to each", 1.1),
    against("socket.io broadcast", 1.5),
    against("C, write() to each", 0.65),
    atLeast("5 symbols over 1", at("depthcast", 5) / own, 3.5, "×"),
    atLeast("20 symbols over 1", at("depthcast", 20) / own, 10, "×"),
  ];
}
