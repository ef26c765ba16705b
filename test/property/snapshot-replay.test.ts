import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import { checkSnapshot } from "../../src/log/snapshot/read-snapshot.ts";
import type { Limits } from "../../src/limits.ts";
import { FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";
import type { TestOrderEvent } from "../support/naive-book.ts";
import { Random } from "../support/random.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/**
 * Two servers from one log, one from its start and one from a snapshot that was taken in the midst of ingest, are the same
 * in all that decides anything: orders, levels, sequences, definitions, rules, producers.
 */

const SYMBOLS = ["A", "B", "C", "D", "E"];
const RUNS = Number(process.env["SNAPSHOT_RUNS"] ?? 40);
const SEED = Number(process.env["SNAPSHOT_SEED"] ?? Date.now() % 1_000_000);

/** One of the servers that have the log in turn, each with other capacities. */
interface Life {
  readonly rig: FlowRig;
  readonly log: MemoryLog;
}

async function copyOf(log: OrderLog, fromIndex = 0): Promise<MemoryLog> {
  const copy = new MemoryLog({ clock: new ManualClock(), retain: true });
  for await (const { record } of log.read(0)) await copy.append(record.slice(0));
  await copy.truncate(fromIndex);
  return copy;
}

function randomEvents(random: Random): TestOrderEvent[] {
  return Array.from({ length: random.between(0, 6) }, () => {
    const isKeyed = random.chance(30);
    const number = random.between(0, 30);
    return {
      action: random.pick([1, 1, 1, 1, 2, 2, 3, 4, 5, random.chance(10) ? 6 : 1, 7]),
      ...(isKeyed ? { key: number === 0 ? "" : `key-${number}` } : { id: BigInt(number) << 20n }),
      side: random.pick([1, 2] as const),
      price: random.between(95, 105) * random.pick([1, 1, 1, 10]),
      quantity: random.between(0, 9),
    };
  });
}

/** Ingest by several producers, some of whose batches are repeated, refused or of nobody. Nothing is awaited in between. */
async function ingest({ rig }: Life, random: Random, numbers: Map<string, number>): Promise<void> {
  const waiting: Promise<unknown>[] = [];
  for (let step = random.between(10, 60); step > 0; step--) {
    if (random.chance(40)) await nextTurn();
    // A snapshot takes the disk some milliseconds, so that most of the ingest would come before its end.
    if (random.chance(8)) await sleep(4);
    if (random.chance(10)) {
      const definition = testInstrument(random.pick(SYMBOLS), {
        description: random.pick(["x", "y", "z"]),
        crossPolicy: random.pick([1, 2] as const),
        tickSize: random.pick([0, 0, 0, 5]),
      });
      waiting.push(rig.flow.gate.define(definition).catch(() => undefined));
      continue;
    }
    const id = random.pick(["", "p", "q", "r"]);
    const last = numbers.get(id) ?? 0;
    const number = id === "" ? 0 : Math.max(1, random.chance(20) ? last : last + 1);
    const symbol = random.pick(SYMBOLS);
    if (rig.flow.instruments.find(symbol) === undefined) continue;
    if (id !== "") numbers.set(id, Math.max(last, number));
    waiting.push(
      rig.flow.gate.openStream(() => {}).submit(testBatch(symbol, randomEvents(random), { id, number })),
    );
  }
  await Promise.all(waiting);
}

async function startLife(random: Random, log: MemoryLog, snapshots: string): Promise<Life> {
  const limits: Partial<Limits> = {
    liveOrdersMax: random.between(5, 40),
    levelsPerSideMax: random.between(3, 20),
    snapshotEveryBatches: random.between(1, 12),
    // So that all stay, and the log with them.
    snapshotsKept: 100,
  };
  const rig = await FlowRig.start({ log, snapshots, limits });
  if (rig.flow.instruments.size === 0) await rig.flow.gate.define(testInstrument("A"));
  return { rig, log };
}

function stateOf({ engine, flow }: FlowRig): unknown {
  expect(engine.checkIntegrity().flatMap(({ faults }) => faults)).toEqual([]);
  return [...engine.stateHashes(), flow.stateHash()];
}

test(`a replay from any snapshot comes to the state of one from the start (seed ${SEED})`, async () => {
  const folder = temporaryFolder();
  let snapshotsSeen = 0;
  let fuzzySeen = 0;
  for (let run = 0; run < RUNS; run++) {
    const random = new Random(SEED + run);
    const snapshots = join(folder, String(run));
    const numbers = new Map<string, number>();
    let life = await startLife(random, new MemoryLog({ clock: new ManualClock(), retain: true }), snapshots);
    await ingest(life, random, numbers);
    for (let restarts = random.between(0, 2); restarts > 0; restarts--) {
      await life.rig.flow.stop();
      life = await startLife(random, await copyOf(life.log), snapshots);
      await ingest(life, random, numbers);
    }
    await life.rig.flow.stop();

    const { limits } = life.rig;
    const fromStart = await FlowRig.start({ log: await copyOf(life.log), limits });
    const expected = stateOf(fromStart);
    expect(stateOf(life.rig)).toEqual(expected);
    for (const [number, name] of readdirSync(snapshots).entries()) {
      const only = join(folder, `${run}-${number}`);
      mkdirSync(only);
      cpSync(join(snapshots, name), join(only, name));
      const { mark, endMark } = await checkSnapshot(join(only, name));
      snapshotsSeen += 1;
      if (endMark.index > mark.index) fuzzySeen += 1;
      const log = await copyOf(life.log, mark.index);
      const fromSnapshot = await FlowRig.start({ log, limits, snapshots: only });
      await fromSnapshot.flow.stop();
      expect(stateOf(fromSnapshot), `run ${run}, ${name}`).toEqual(expected);
      for (const [producer, position] of numbers) {
        if (producer !== "") expect(await fromSnapshot.flow.gate.producerPosition(producer)).toBe(position);
      }
    }
  }
  // Or the test shows nothing.
  expect(fuzzySeen).toBeGreaterThan(RUNS / 4);
});
