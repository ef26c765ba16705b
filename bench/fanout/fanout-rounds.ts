import { setTimeout as sleep } from "node:timers/promises";
import { expectOutcome, type ReportTable } from "../support/benchmark.ts";
import { median } from "../support/measure.ts";
import type { FanoutShape, Rival } from "./rival.ts";

export interface FanoutFigure {
  readonly shape: FanoutShape;
  readonly name: string;
  readonly perCpuSecond: number;
  readonly perSecond: number;
  readonly bytesPerDelivery: number;
  /** The part of the server's CPU that it takes without any client; NaN where it was not measured. */
  readonly shareAlone: number;
}

const ROUND_SECONDS = 1;
/** With 20 flushes a second it takes a server's code this long to be compiled as well as it will be. */
const WARM_UP_SECONDS = 3;
const SMOKE_ROUND_SECONDS = 0.2;
const ROUNDS = 5;
/** For what is under way when a round ends. */
const SETTLE_MS = 200;

/**
 * All servers stand with their clients; they take turns at broadcasting. Stops them in the end. `warmUpSeconds`:
 * how long each broadcasts before it is measured.
 */
export async function takeRounds(
  rivals: readonly Rival[],
  shape: FanoutShape,
  smoke: boolean,
  warmUpSeconds = WARM_UP_SECONDS,
): Promise<FanoutFigure[]> {
  const figures: FanoutFigure[][] = rivals.map(() => []);
  try {
    // Round 0 warms up.
    for (let round = 0; round <= (smoke ? 1 : ROUNDS); round++) {
      const roundSeconds = round === 0 ? warmUpSeconds : ROUND_SECONDS;
      for (const [at, rival] of rivals.entries()) {
        const figure = await takeRound(rival, shape, smoke ? SMOKE_ROUND_SECONDS : roundSeconds, round > 0);
        if (round > 0) figures[at]!.push(figure);
      }
    }
  } finally {
    for (const rival of rivals) await rival.stop();
  }
  return rivals.map(({ name }, at) => ({
    shape,
    name,
    shareAlone: median(figures[at]!.map(({ shareAlone }) => shareAlone)),
    perCpuSecond: median(figures[at]!.map(({ perCpuSecond }) => perCpuSecond)),
    perSecond: median(figures[at]!.map(({ perSecond }) => perSecond)),
    bytesPerDelivery: median(figures[at]!.map(({ bytesPerDelivery }) => bytesPerDelivery)),
  }));
}

async function takeRound(
  rival: Rival,
  shape: FanoutShape,
  seconds: number,
  isChecked: boolean,
): Promise<FanoutFigure> {
  const before = await rival.received();
  const { deliveries, cpuSeconds } = await rival.run(seconds);
  await sleep(SETTLE_MS);
  const after = await rival.received();
  const frames = after.frames - before.frames;
  // What is still under way when it is counted belongs to the next round.
  const late = deliveries / 10 + shape.connections * shape.streams;
  const arrived = frames >= deliveries / shape.symbols - late && frames <= deliveries + late;
  if (isChecked) {
    expectOutcome(deliveries > 0 && arrived, `${rival.name}: ${frames} frames of ${deliveries} deliveries`);
  }
  return {
    shape,
    name: rival.name,
    shareAlone: (rival.cpuShareAlone ?? Number.NaN) / (cpuSeconds / seconds),
    perCpuSecond: deliveries / cpuSeconds,
    perSecond: deliveries / seconds,
    bytesPerDelivery: (after.bytes - before.bytes) / deliveries,
  };
}

export function fanoutTable(title: string, figures: readonly FanoutFigure[]): ReportTable {
  return {
    title,
    columns: [
      "clients, symbols, interval",
      "server",
      "per server CPU-s",
      "per s",
      "bytes each",
      "% of CPU without clients",
    ],
    rows: figures.map(({ shape, name, perCpuSecond, perSecond, bytesPerDelivery, shareAlone }) => [
      shapeText(shape),
      name,
      perCpuSecond,
      perSecond,
      bytesPerDelivery,
      100 * shareAlone,
    ]),
  };
}

/** Deliveries a CPU second of a server in a shape; NaN where it was not measured. */
export function deliveriesPerCpuSecond(
  figures: readonly FanoutFigure[],
  name: string,
  wanted: Partial<FanoutShape>,
): number {
  const found = figures.find(
    (figure) =>
      figure.name === name &&
      Object.entries(wanted).every(([key, value]) => figure.shape[key as keyof FanoutShape] === value),
  );
  return found?.perCpuSecond ?? Number.NaN;
}

export function shapeText({ connections, streams, symbols, intervalMs }: FanoutShape): string {
  const clients = streams === 1 ? String(connections) : `${connections} × ${streams}`;
  return `${clients}, ${symbols}, ${intervalMs === 0 ? "saturated" : `${intervalMs} ms`}`;
}
