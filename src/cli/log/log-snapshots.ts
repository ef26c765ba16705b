import { rm } from "node:fs/promises";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { digestText } from "../../log/sqlite/chain.ts";
import type { LogReader } from "../../log/sqlite/log-reader.ts";
import { type MarkedLog, whyUnfit } from "../../log/snapshot/fit-snapshot.ts";
import { SnapshotFolder, snapshotFolderPath } from "../../log/snapshot/snapshot-folder.ts";

/** A snapshot beside a log, and why a start could not take it; undefined = it could. */
export interface JudgedSnapshot {
  readonly path: string;
  readonly logIndex: number;
  readonly unfit: string | undefined;
}

/** The snapshots beside a log, newest first, each read as a whole. @param endIndex of the log, if it ended there */
export async function judgeSnapshots(
  log: LogReader,
  endIndex = log.endIndex,
): Promise<readonly JudgedSnapshot[]> {
  const marked: MarkedLog = {
    startIndex: log.meta.startIndex,
    endIndex,
    digestAt: (index) => Promise.resolve(digestText(log.digestAt(index))),
  };
  const files = await new SnapshotFolder(snapshotFolderPath(log.path)).list();
  return Promise.all(files.map(async (file) => ({ ...file, unfit: await whyUnfit(file, marked) })));
}

/**
 * Whether a start could take a log that ends at `endIndex`.
 *
 * @throws DepthcastError `failed_precondition` where its beginning is gone and no snapshot has what was there.
 */
export async function checkStartable(log: LogReader, endIndex: number): Promise<void> {
  const { startIndex } = log.meta;
  if (startIndex === 0) return;
  const snapshots = await judgeSnapshots(log, endIndex);
  if (snapshots.some(({ unfit }) => unfit === undefined)) return;
  throw new DepthcastError(
    ErrorCode.failedPrecondition,
    `the order log ${log.path} begins at entry ${startIndex}, and no book snapshot of it up to entry ${endIndex - 1} is whole: ` +
      "nothing could start from what would be left; restore a backup",
    { reason: "NO_SNAPSHOT" },
  );
}

/** Takes away the snapshots that hold what a log has no more; resolves with how many. */
export async function removeUnfitSnapshots(log: LogReader): Promise<number> {
  const unfit = (await judgeSnapshots(log)).filter((snapshot) => snapshot.unfit !== undefined);
  for (const { path } of unfit) await rm(path, { force: true });
  return unfit.length;
}
