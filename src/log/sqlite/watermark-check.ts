import { DepthcastError, ErrorCode } from "../../errors.ts";
import { sameDigest } from "./chain.ts";
import type { LogReader } from "./log-reader.ts";
import { type WatermarkContent, watermarkPath } from "./watermark.ts";

/**
 * Whether a log has everything that was acknowledged.
 *
 * @throws DepthcastError `failed_precondition` where it has not, or where that cannot be told: what is missing and what can be done.
 */
export function checkWatermark(log: LogReader, found: WatermarkContent | undefined): void {
  const { path, endIndex } = log;
  const { logId, epoch, startIndex } = log.meta;
  if (found === undefined) {
    if (endIndex > 0) throw withoutWatermark(path);
    return;
  }
  if (found.logId !== logId) throw otherLog(path, "is of another log");
  if (found.endIndex > endIndex) throw shortened(path, startIndex, endIndex, found.endIndex);
  if (found.epoch !== epoch) throw otherLog(path, "is of another epoch of it");
  if (found.endIndex < startIndex) return;
  if (!sameDigest(log.digestAt(found.endIndex), found.digest)) {
    throw otherLog(path, `knows other entries before ${found.endIndex}`);
  }
}

/** There is a watermark of entries, and no log. */
export function logIsGone(path: string, { endIndex }: WatermarkContent): DepthcastError {
  return refused(
    "LOG_GONE",
    `the order log ${path} is gone, and ${watermarkPath(path)} tells of ${endIndex} acknowledged entries: ` +
      "put it back, or remove that file as well to begin a new log",
  );
}

function withoutWatermark(path: string): DepthcastError {
  return refused(
    "LOG_WATERMARK_MISSING",
    `${watermarkPath(path)} is missing or damaged, so it cannot be told whether the order log ${path} has everything that was acknowledged: ` +
      `put it back; or, where the log is a restored backup or you know it to be whole, run \`depthcast log new-epoch ${path}\``,
  );
}

function otherLog(path: string, how: string): DepthcastError {
  return refused(
    "LOG_REPLACED",
    `${watermarkPath(path)} ${how}: put back the files that belong together; or, where ${path} is a restored backup, ` +
      `run \`depthcast log new-epoch ${path}\``,
  );
}

function shortened(
  path: string,
  startIndex: number,
  endIndex: number,
  acknowledgedEnd: number,
): DepthcastError {
  const accept =
    endIndex > startIndex
      ? `depthcast log repair --discard-after ${endIndex - 1} ${path}`
      : `depthcast log new-epoch ${path}`;
  return refused(
    "LOG_SHORTENED",
    `the order log ${path} has lost acknowledged entries: it ends at ${endIndex}, and ${acknowledgedEnd} were acknowledged. ` +
      `Its disk or its files were damaged; restore a backup, or accept that they are lost: ${accept}`,
  );
}

function refused(reason: string, message: string): DepthcastError {
  return new DepthcastError(ErrorCode.failedPrecondition, message, { reason });
}
