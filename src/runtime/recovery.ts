import type { Sequencer } from "../engine/sequencer.ts";
import type { OrderLog } from "../log/order-log.ts";
import { readSnapshot } from "../log/snapshot/read-snapshot.ts";
import { whyUnfit } from "../log/snapshot/fit-snapshot.ts";
import type { SnapshotFile, SnapshotFolder } from "../log/snapshot/snapshot-folder.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { Logger } from "../observability/logger.ts";

/**
 * The snapshots that a log can go on from, newest first; only the first of them was checked. What is newer and does not
 * fit is warned of and left where it is.
 */
export async function findSnapshots(
  folder: SnapshotFolder,
  log: OrderLog,
  logger: Logger,
): Promise<readonly SnapshotFile[]> {
  const files = await folder.list();
  for (const [position, file] of files.entries()) {
    const reason = await whyUnfit(file, log);
    if (reason === undefined) return files.slice(position);
    logger.warn({ snapshot: file.path, reason }, "a book snapshot cannot be used: trying the one before");
  }
  return [];
}

/**
 * Takes a snapshot up that `findSnapshots` has found.
 *
 * @throws DepthcastError `internal` where what it holds is no book, though its checksums are right: a bug.
 */
export async function restoreSnapshot({ path }: SnapshotFile, sequencer: Sequencer): Promise<void> {
  try {
    await readSnapshot(path, (head, books) => sequencer.restore(head, books));
  } catch (thrown) {
    const { message } = DepthcastError.from(thrown);
    throw new DepthcastError(
      ErrorCode.internal,
      `the snapshot ${path} cannot be restored: ${message}; take it away, and the start goes back to the one before it`,
      { reason: "SNAPSHOT_DAMAGED" },
      { cause: thrown },
    );
  }
}

/** @throws DepthcastError `failed_precondition` where neither a snapshot nor the log has the beginning. */
export function checkBeginning(log: OrderLog, snapshots: SnapshotFolder | undefined): void {
  if (log.startIndex === 0) return;
  const where =
    snapshots === undefined ? "and no folder of them is given" : `and none in ${snapshots.path} can be used`;
  throw new DepthcastError(
    ErrorCode.failedPrecondition,
    `the order log begins at entry ${log.startIndex}: what was before it is in book snapshots only, ${where}; put back a snapshot of this log, or begin with a new log`,
    { reason: "LOG_BEGINNING_MISSING" },
  );
}
