import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Metrics } from "./metrics.ts";
import type { ServerProcess } from "./server-process.ts";

/** What a server's metrics tell of a stretch of time, looked at once a window. */
export interface PhaseFigures {
  readonly seconds: number;
  readonly eventsPerSecond: number;
  readonly deltasPerSecond: number;
  readonly mergedIntervals: number;
  /** Of the server's process, of all threads: 1 = one core. */
  readonly serverCores: number;
  /** The 99th percentile of the slowest gateway's event-loop delay in a window: median and worst window. */
  readonly loopDelayP99Ms: { readonly median: number; readonly worst: number };
  readonly memory: readonly MemorySample[];
}

export interface MemorySample {
  readonly atSeconds: number;
  readonly rssMB: number;
  /** Of all threads, with what their heaps hold outside. */
  readonly heldMB: number;
}

const MB = 1_000_000;
const WINDOW_MS = 2000;
/** What memory may drift by in half a phase: the noise of the collector in several heaps, no more. */
const DRIFT_MAX_SHARE = 0.1;
const DRIFT_MAX_MB = 30;
/**
 * Over less than this it is the teeth of the collector's saw that are seen: 40 MB was met where ten times as long
 * showed none. A leak of 5 MB/s still shows; slower ones are for the long run (`SOAK_SECONDS=600`).
 */
const DRIFT_SHORT_SECONDS = 100;
const DRIFT_SHORT_MAX_MB = 100;

export async function measurePhase(server: ServerProcess, forMs: number): Promise<PhaseFigures> {
  const first = await server.metrics();
  const startMs = performance.now();
  let last = first;
  const delays: number[] = [];
  const memory: MemorySample[] = [];
  while (performance.now() - startMs < forMs) {
    await sleep(Math.min(WINDOW_MS, startMs + forMs - performance.now() + 1));
    last = await server.metrics();
    delays.push(last.max("depthcast_event_loop_delay_seconds", /thread="gateway-.*quantile="0.99"/) * 1000);
    memory.push(memoryOf(last, (performance.now() - startMs) / 1000));
  }
  const seconds = (performance.now() - startMs) / 1000;
  const grown = (name: string, label = ""): number => last.sum(name, label) - first.sum(name, label);
  return {
    seconds: rounded(seconds),
    eventsPerSecond: Math.round(grown("depthcast_events_accepted_total") / seconds),
    deltasPerSecond: Math.round(grown("depthcast_updates_sent_total", 'kind="delta"') / seconds),
    mergedIntervals: grown("depthcast_merged_intervals_total"),
    serverCores: rounded(grown("depthcast_process_cpu_seconds_total") / seconds),
    loopDelayP99Ms: { median: rounded(median(delays)), worst: rounded(Math.max(...delays)) },
    memory,
  };
}

/** Asserts that neither kind of memory rises in the second half of the phase. Returns the drift in it. */
export function checkFlat(samples: readonly MemorySample[]): object {
  const half = samples.slice(Math.floor(samples.length / 2));
  const spanSeconds = (half.at(-1)?.atSeconds ?? 0) - (half[0]?.atSeconds ?? 0);
  const noiseMB = spanSeconds < DRIFT_SHORT_SECONDS ? DRIFT_SHORT_MAX_MB : DRIFT_MAX_MB;
  const drift = (kind: "rssMB" | "heldMB"): { medianMB: number; driftMB: number } => {
    const values = half.map((sample) => sample[kind]);
    const slopes = half.flatMap((from, index) =>
      half.slice(index + 1).map((to) => (to[kind] - from[kind]) / (to.atSeconds - from.atSeconds)),
    );
    return { medianMB: rounded(median(values)), driftMB: rounded(median(slopes) * spanSeconds) };
  };
  const figures = { rss: drift("rssMB"), held: drift("heldMB") };
  for (const [kind, { medianMB, driftMB }] of Object.entries(figures)) {
    const driftMaxMB = Math.max(noiseMB, medianMB * DRIFT_MAX_SHARE);
    expect(driftMB, `${kind} is flat in the second half`).toBeLessThan(driftMaxMB);
  }
  return figures;
}

export function withoutMemory({ memory, ...figures }: PhaseFigures): object {
  const last = memory.at(-1);
  return { ...figures, ...(last && { rssMB: last.rssMB, heldMB: last.heldMB }) };
}

function memoryOf(metrics: Metrics, atSeconds: number): MemorySample {
  const thread = (kind: string): number => metrics.sum("depthcast_thread_memory_bytes", `kind="${kind}"`);
  return {
    atSeconds,
    rssMB: rounded(metrics.sum("depthcast_process_memory_bytes") / MB),
    heldMB: rounded((thread("heap_used") + thread("external")) / MB),
  };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
