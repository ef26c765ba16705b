import { DepthcastError } from "../../errors.ts";
import type { OrderLog } from "../order-log.ts";
import { checkSnapshot } from "./read-snapshot.ts";
import type { LogMark } from "./snapshot-format.ts";
import type { SnapshotFile } from "./snapshot-folder.ts";

export type MarkedLog = Pick<OrderLog, "startIndex" | "endIndex" | "digestAt">;

/**
 * Checks a snapshot and whether a replay of `log` can go on from it.
 *
 * @returns why not, in words for an operator; undefined = it can.
 */
export async function whyUnfit(file: SnapshotFile, log: MarkedLog): Promise<string | undefined> {
  try {
    const { mark, endMark } = await checkSnapshot(file.path);
    if (mark.index !== file.logIndex)
      return `its name does not fit what it holds, entries up to ${mark.index}`;
    return (await whyNotOf(log, mark)) ?? (await whyNotOf(log, endMark));
  } catch (thrown) {
    return DepthcastError.from(thrown).message;
  }
}

async function whyNotOf(log: MarkedLog, { index, digest }: LogMark): Promise<string | undefined> {
  if (index < log.startIndex)
    return `the order log has nothing from entry ${index} on: it begins at ${log.startIndex}`;
  if (index > log.endIndex)
    return `it holds entries up to ${index}, and the order log ends at ${log.endIndex}`;
  if ((await log.digestAt(index)) !== digest)
    return `it is of another order log, or of one that was changed before entry ${index}`;
  return undefined;
}
