import { DepthcastError, ErrorCode } from "../../errors.ts";

/** An entry that is not as it was written: where, why, and what can be done about it. */
export function damagedEntry(path: string, index: number, startIndex: number, why: string): DepthcastError {
  const keep =
    index > startIndex
      ? `or keep what is before it and lose the rest: depthcast log repair --discard-after ${index - 1} ${path}`
      : "nothing before it can be kept";
  return new DepthcastError(
    ErrorCode.internal,
    `entry ${index} of the order log ${path} is damaged (${why}): restore a backup, ${keep}`,
    { reason: "LOG_DAMAGED", metadata: { index: String(index) } },
  );
}

/** Something of the file other than an entry. */
export function damagedLog(path: string, why: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.internal,
    `the order log ${path} is damaged (${why}): restore a backup, or see with ` +
      `\`depthcast log info --check ${path}\` what can be kept, and keep it with \`depthcast log repair\``,
    { reason: "LOG_DAMAGED" },
  );
}
