import { readdirSync } from "node:fs";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import type { Logger } from "../../src/observability/logger.ts";
import { addOrder, type FlowRig, testBatch } from "./flow-rig.ts";
import { eventually } from "./eventually.ts";
import { ManualClock } from "./manual-clock.ts";

/** Log entries, one batch each, with one order of a symbol. */
export async function addBatches(rig: FlowRig, symbol: string, count: number): Promise<void> {
  const stream = rig.flow.gate.openStream(() => {});
  const batches = Array.from({ length: count }, (_, i) => testBatch(symbol, [addOrder(1, 1 + (i % 50), 5)]));
  await Promise.all(batches.map((batch) => stream.submit(batch)));
}

/** The names of what is in a folder of snapshots, oldest first. */
export function snapshotNames(folder: string): readonly string[] {
  return readdirSync(folder).toSorted();
}

export function snapshotName(logIndex: number): string {
  return `${String(logIndex).padStart(16, "0")}.snapshot`;
}

/** Waits until the folder holds exactly these. */
export async function snapshotsAre(folder: string, logIndexes: readonly number[]): Promise<void> {
  const expected = logIndexes.map(snapshotName).join();
  await eventually(() => snapshotNames(folder).join() === expected, { what: `the snapshots ${expected}` });
}

/** The same log on another node. */
export async function copyOfLog(log: OrderLog, from = log.startIndex): Promise<MemoryLog> {
  const copy = new MemoryLog({ clock: new ManualClock(), retain: true });
  for (let index = 0; index < log.startIndex; index++) await copy.append(new ArrayBuffer(0));
  for await (const { record } of log.read(log.startIndex)) await copy.append(record.slice(0));
  await copy.truncate(from);
  return copy;
}

/** A logger that keeps the warnings. */
export function warningsInto(warnings: { readonly message: string }[]): Logger {
  return {
    debug() {},
    info() {},
    warn: (fields, message) => void warnings.push({ ...fields, message }),
    error() {},
  };
}
