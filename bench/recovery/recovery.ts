import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { snapshotFolderPath } from "../../src/log/snapshot/snapshot-folder.ts";
import {
  atMost,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  expectOutcome,
  type ReportTable,
} from "../support/benchmark.ts";
import { Child } from "../support/child-process.ts";
import { median, quantile } from "../support/measure.ts";
import type { PauseCommands, PauseStart } from "./pause-process.ts";
import type { Recovered, RecoveryCommands, RecoveryStart } from "./recovery-process.ts";
import { writeLog } from "./written-log.ts";

export const recoveryBenchmark: Benchmark = {
  name: "recovery",
  about:
    "a cold start from the SQLite log alone and from a book snapshot, and what ingest sees of a snapshot",
  run,
};

const RECOVERY_SCRIPT = new URL("./recovery-process.ts", import.meta.url);
const PAUSE_SCRIPT = new URL("./pause-process.ts", import.meta.url);
const LAYOUTS = [
  { name: "one thread and the log's", gateways: 0 },
  { name: "a gateway, an engine, the log", gateways: 1 },
] as const;

async function run({ smoke, progress }: BenchmarkContext): Promise<BenchmarkReport> {
  const folder = mkdtempSync(join(tmpdir(), "depthcast-bench-"));
  try {
    const events = smoke ? 20_000 : 10_000_000;
    const path = join(folder, "log.db");
    progress(`writing a log of ${events} events`);
    await writeLog(path, events, smoke);
    const empty = await recoverInTurn({ path: join(folder, "empty.db"), snapshots: false }, smoke, progress);
    const fromLog = await recoverInTurn({ path, snapshots: false }, smoke, progress);
    progress("taking a snapshot");
    const bytes = await takeSnapshot(path);
    const fromSnapshot = await recoverInTurn({ path, snapshots: true }, smoke, progress);
    expectOutcome(isDeepStrictEqual(fromLog.hashes, fromSnapshot.hashes), "equal state after both");
    const pauses = await pauseTable(folder, smoke, progress);
    return {
      tables: [
        {
          title: `Seconds from the opening of the log until the server listens, ${events / 1e6} M events`,
          columns: ["threads", "empty log", "log alone", "snapshot at its end"],
          rows: LAYOUTS.map(({ name }, at) => [
            name,
            empty.seconds[at]!,
            fromLog.seconds[at]!,
            fromSnapshot.seconds[at]!,
          ]),
        },
        pauses.table,
      ],
      goals: [
        atMost("from the log alone", Math.max(...fromLog.seconds), 15, "s"),
        atMost("from a snapshot", Math.max(...fromSnapshot.seconds), 2, "s"),
        atMost("longest wait that a snapshot adds", pauses.addedMs, 10, "ms"),
      ],
      notes: [
        `flow R in batches of 100, ${smoke ? "2,000" : "100,000"} live orders; each start is a process of its own`,
        `the log has ${megabytes(statSync(path).size)}, the snapshot ${megabytes(bytes)}`,
      ],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Recoveries {
  /** Medians, by layout. */
  readonly seconds: readonly number[];
  readonly hashes: Recovered["hashes"];
}

async function recoverInTurn(
  start: Omit<RecoveryStart, "gateways">,
  smoke: boolean,
  progress: BenchmarkContext["progress"],
): Promise<Recoveries> {
  const seconds: number[][] = LAYOUTS.map(() => []);
  let hashes: Recovered["hashes"] = new Map();
  for (let round = 0; round < (smoke ? 1 : 3); round++) {
    for (const [at, { name, gateways }] of LAYOUTS.entries()) {
      progress(`${start.path}${start.snapshots ? ", from its snapshot" : ""}: ${name}`);
      const child = await Child.start<RecoveryCommands>(RECOVERY_SCRIPT, { ...start, gateways });
      const recovered = await child.ask("recover");
      await child.ask("stop");
      await child.stop();
      seconds[at]!.push(recovered.seconds);
      hashes = recovered.hashes;
    }
  }
  return { seconds: seconds.map(median), hashes };
}

/** Bytes of it. */
async function takeSnapshot(path: string): Promise<number> {
  const start: RecoveryStart = { path, gateways: 0, snapshots: true };
  const child = await Child.start<RecoveryCommands>(RECOVERY_SCRIPT, start);
  await child.ask("recover");
  await child.ask("snapshotTaken");
  await child.ask("stop");
  await child.stop();
  const folder = snapshotFolderPath(path);
  return Math.max(...readdirSync(folder).map((name) => statSync(join(folder, name)).size));
}

/** What a snapshot adds to the longest wait of a batch. */
export async function pauseTable(
  folder: string,
  smoke: boolean,
  progress: BenchmarkContext["progress"],
): Promise<{ readonly table: ReportTable; readonly addedMs: number }> {
  const rows: (string | number)[][] = [];
  const addedMs: number[] = [];
  for (const { name, gateways } of LAYOUTS) {
    progress(`pauses, ${name}`);
    const common = { smoke, gateways, folder: join(folder, `pauses-${gateways}`) };
    const longest: number[] = [];
    for (const every of [undefined, smoke ? 50 : 1000]) {
      const start: PauseStart = { ...common, every };
      const child = await Child.start<PauseCommands>(PAUSE_SCRIPT, start);
      await child.ask("produce", smoke ? 50 : 5000);
      const maxima: number[] = [];
      let snapshots = 0;
      const all: number[] = [];
      for (let round = 0; round < (smoke ? 1 : 5); round++) {
        const { ackMs, snapshots: taken } = await child.ask("produce", smoke ? 3000 : 5000);
        snapshots += taken;
        maxima.push(Math.max(...ackMs));
        all.push(...ackMs);
      }
      await child.stop();
      expectOutcome(every === undefined || snapshots > 0, "snapshots were taken");
      longest.push(median(maxima));
      rows.push([name, snapshots, quantile(all, 0.5), quantile(all, 0.99), median(maxima)]);
    }
    addedMs.push(longest[1]! - longest[0]!);
  }
  return {
    table: {
      title: "Milliseconds from the handing in of a batch of 100 to its answer, one at a time, memory log",
      columns: ["threads", "snapshots taken", "p50", "p99", "longest of a round"],
      rows,
    },
    addedMs: Math.max(...addedMs),
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
