import type { Benchmark, BenchmarkContext, BenchmarkReport, ReportTable } from "../support/benchmark.ts";
import { Child } from "../support/child-process.ts";
import { fitLine } from "../support/line-fit.ts";
import { AXES, type Axis, type AxisName } from "./axes.ts";
import type { AxisCommands, AxisPoint } from "./axis-process.ts";

export const scaleBenchmark: Benchmark = {
  name: "scale",
  about: "cost against symbols, depth, size of the book and consumers: straight lines and their slopes",
  run,
};

/** What is measured at each size. */
const COSTS = [
  { name: "interval", unit: "µs", of: (point: AxisPoint) => point.intervalNanos / 1000 },
  { name: "filling", unit: "µs", of: (point: AxisPoint) => point.fillNanos / 1000 },
  { name: "memory", unit: "KB", of: (point: AxisPoint) => point.bytes / 1000 },
] as const;
type CostName = (typeof COSTS)[number]["name"];

/** What has a line along each axis. */
const LINES: Readonly<Record<AxisName, readonly CostName[]>> = {
  symbols: ["interval", "filling", "memory"],
  depth: ["interval", "memory"],
  book: ["interval", "filling", "memory"],
  consumers: ["interval", "memory"],
};

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const lines: (string | number)[][] = [];
  const tables: ReportTable[] = [];
  for (const name of Object.keys(AXES) as AxisName[]) {
    progress(AXES[name].name);
    const points = await measure(name, smoke);
    lines.push(...linesOf(name, points));
    tables.push(pointsTable(name, points));
  }
  return {
    tables: [
      {
        title: "Straight lines",
        columns: ["along", "cost", "for each more", "slope", "at 0", "r²", "last step over the rest"],
        rows: lines,
      },
      ...tables,
    ],
    goals: [],
    notes: [
      "engine, depth board and broadcaster on one thread, without sockets, driven by hand; CPU of the whole process, median of rounds in turn",
      "an interval: 14 changed levels in every book as one batch, applied, published, and sent to every consumer",
      "last step over the rest: the slope between the two largest over the slope of all before; well over 1 would grow faster than the size",
      "along symbols: consumers of up to 200 symbols each share them. Along the book: changes anywhere in it, of which a depth of 20 sees next to none in a large one; orders on consecutive ticks",
      "every consumer gets a message for each interval, and a newcomer's book is checked at the newest sequence",
    ],
  };
}

async function measure(axis: AxisName, smoke: boolean): Promise<AxisPoint[]> {
  const child = await Child.start<AxisCommands>(new URL("./axis-process.ts", import.meta.url), undefined);
  try {
    return await child.ask("measure", { axis, smoke });
  } finally {
    await child.stop();
  }
}

function linesOf(name: AxisName, points: readonly AxisPoint[]): (string | number)[][] {
  const axis: Axis = AXES[name];
  return LINES[name].map((costName) => {
    const cost = COSTS.find((one) => one.name === costName)!;
    const { base, slope, r2, bend } = fitLine(
      points.map((point) => ({ size: point.size, cost: cost.of(point) })),
    );
    return [
      axis.name,
      cost.name,
      axis.unit,
      `${text(slope)} ${cost.unit}`,
      `${text(base)} ${cost.unit}`,
      r2.toFixed(4),
      bend,
    ];
  });
}

function pointsTable(name: AxisName, points: readonly AxisPoint[]): ReportTable {
  const costs = COSTS.filter((cost) => LINES[name].includes(cost.name));
  return {
    title: `Along ${AXES[name].name}`,
    columns: [AXES[name].name, ...costs.map((cost) => `${cost.name}, ${cost.unit}`)],
    rows: points.map((point) => [point.size.toLocaleString("en-US"), ...costs.map((cost) => cost.of(point))]),
  };
}

function text(value: number): string {
  return String(Number(value.toPrecision(3)));
}
