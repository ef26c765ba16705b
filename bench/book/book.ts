import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createBatches } from "../flows/batches.ts";
import { createFlow, FLOW_NAMES, type FlowName } from "../flows/flows.ts";
import type { Flow } from "../flows/flow.ts";
import {
  atLeast,
  atMost,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type Goal,
} from "../support/benchmark.ts";
import { collectGarbage } from "../support/measure.ts";
import { contenderNames } from "./contenders.ts";
import { DepthcastBook } from "./depthcast-book.ts";
import { type RaceResult, runRace } from "./race.ts";

export const bookBenchmark: Benchmark = {
  name: "book",
  about: "order events into a book: flows R, S, N and U; collection pauses and bytes an order",
  run,
};

async function run(context: BenchmarkContext): Promise<BenchmarkReport> {
  const { smoke, peersInstalled, progress } = context;
  if (!peersInstalled) progress("without tardis-dev, ccxt and nodejs-order-book, which are not installed");
  const races: RaceResult[] = [];
  for (const name of FLOW_NAMES) races.push(await race(name, context));
  const memory = FLOW_NAMES.map((name) => bytesPerOrder(createFlow(name, smoke)));
  progress("pauses of the garbage collector");
  const pauses = await collectionPauses(createFlow("R", smoke), smoke ? 100_000 : 10_000_000);
  return {
    tables: [
      {
        title: "CPU nanoseconds an event (median of the rounds, all in turn)",
        columns: ["flow", "book", "ns an event", "M events/s", "× depthcast", "slowest round", "rounds"],
        rows: races.flatMap(raceRows),
      },
      {
        title: "Memory",
        columns: ["flow", "live orders", "levels", "bytes an order"],
        rows: memory.map(({ flow, orders, levels, bytes }) => [flow, orders, levels, bytes]),
      },
      {
        title: "Garbage collection while depthcast's book takes flow R",
        columns: ["events", "collections", "longest pause, ms"],
        rows: [[pauses.events, pauses.count, pauses.longestMs]],
      },
    ],
    goals: goals(races, memory, pauses.longestMs),
    notes: [
      ...FLOW_NAMES.map((name) => createFlow(name, smoke)).map(
        (flow) => `flow ${flow.name}, seed ${flow.seed}: ${flow.about}`,
      ),
      "each book in a process of its own, all taking the same events in turn; a third of each round unmeasured",
      "tardis-dev and ccxt keep levels, not orders: the two Maps in front of them are part of the work",
      "bytes an order: typed arrays and heap after a collection, over the live orders; levels included",
    ],
  };
}

async function race(
  name: FlowName,
  { smoke, peersInstalled, progress }: BenchmarkContext,
): Promise<RaceResult> {
  const flow = createFlow(name, smoke);
  progress(`flow ${name}: ${flow.about}`);
  const names = contenderNames(name, peersInstalled);
  return runRace({ flow: name, names, smoke, rounds: smoke ? 1 : 15 });
}

function raceRows({ flow, figures }: RaceResult): (string | number)[][] {
  const own = figures[0]!.nanosPerEvent;
  return figures.map(({ name, nanosPerEvent, slowest, rounds }) => [
    flow,
    name,
    nanosPerEvent,
    1000 / nanosPerEvent,
    nanosPerEvent / own,
    slowest,
    rounds,
  ]);
}

interface MemoryFigure {
  readonly flow: string;
  readonly orders: number;
  readonly levels: number;
  readonly bytes: number;
}

function bytesPerOrder(flow: Flow): MemoryFigure {
  const prefill = flow.prefill();
  collectGarbage();
  const before = heldBytes();
  const { book } = loadedBook(prefill);
  collectGarbage();
  const bytes = (heldBytes() - before) / book.liveOrders;
  return { flow: flow.name, orders: book.liveOrders, levels: book.levelCount(1) + book.levelCount(2), bytes };
}

function loadedBook(prefill: ReturnType<Flow["prefill"]>): DepthcastBook {
  const contender = new DepthcastBook();
  contender.load(prefill);
  return contender;
}

function heldBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Pauses while events are applied; making the events leaves no garbage. */
async function collectionPauses(flow: Flow, events: number) {
  const contender = loadedBook(flow.prefill());
  const batches = createBatches(Math.min(events, 500_000));
  const pausesMs: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) pausesMs.push(entry.duration);
  });
  collectGarbage();
  await nextTurn();
  observer.observe({ entryTypes: ["gc"] });
  let applied = 0;
  for (; applied < events; applied += batches.length * batches[0]!.length) {
    flow.fill(batches);
    contender.apply(batches);
    await nextTurn();
  }
  observer.disconnect();
  return { events: applied, count: pausesMs.length, longestMs: Math.max(0, ...pausesMs) };
}

function goals(races: readonly RaceResult[], memory: readonly MemoryFigure[], pauseMs: number): Goal[] {
  const nanos = (flow: string, name: string): number | undefined =>
    races.find((result) => result.flow === flow)?.figures.find((figure) => figure.name === name)
      ?.nanosPerEvent;
  const rate = (flow: string): number => 1000 / nanos(flow, "depthcast")!;
  const list = [
    atLeast("R: events", rate("R"), 5, "M/s"),
    atLeast("N: events", rate("N"), 0.9, "M/s"),
    atLeast("U: events", rate("U"), 2, "M/s"),
    atMost("longest collection pause", pauseMs, 10, "ms"),
    atMost("R: memory", memory[0]!.bytes, 65, "B an order"),
  ];
  const against = [
    ["tardis-dev OrderBook", 6],
    ["ccxt OrderBook", 12],
    ["nodejs-order-book", 50],
    ["C++, arrays by tick", 0.4],
  ] as const;
  for (const [name, bound] of against) {
    const other = nanos("R", name);
    if (other !== undefined)
      list.push(atLeast(`R: speed of ${name}`, other / nanos("R", "depthcast")!, bound, "×"));
  }
  return list;
}
