import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * CPU time of this process while `work` runs, in nanoseconds: the collector's and the compiler's threads
 * are part of the price. `process.threadCpuUsage` counts in steps of 4 ms on some kernels, this in 1 µs.
 */
export function cpuNanos(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which `share` of the values lie; NaN where there is none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).toSorted();
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)]!;
  const high = sorted[Math.ceil(place)]!;
  return low + (high - low) * (place - Math.floor(place));
}

/** Collects everything twice, so that what is left is in use. Benchmarks run with --expose-gc. */
export function collectGarbage(): void {
  globalThis.gc?.();
  globalThis.gc?.();
}

/** Bytes of the heap and of all buffers, the shared ones too, with nothing in it that could be collected. */
export async function heldBytes(): Promise<number> {
  // What a collection leaves to be freed outside the heap is freed in the turn after it.
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await nextTurn();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
