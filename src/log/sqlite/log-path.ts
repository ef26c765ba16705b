import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DepthcastError, ErrorCode } from "../../errors.ts";

/**
 * The file itself where a link leads to it: its lock and its watermark are beside it, whatever the way there. The file need not exist.
 *
 * @throws DepthcastError `unavailable` where its folder does not.
 */
export function realLogPath(path: string): string {
  try {
    return realFile(join(realpathSync(dirname(path)), basename(path)));
  } catch (thrown) {
    throw cannotOpen(path, thrown);
  }
}

export function cannotOpen(path: string, thrown: unknown): DepthcastError {
  const { message } = thrown as Error;
  return new DepthcastError(
    ErrorCode.unavailable,
    `cannot open the order log ${path}: ${message}`,
    { reason: "LOG_CANNOT_OPEN" },
    { cause: thrown },
  );
}

function realFile(path: string): string {
  try {
    return realpathSync(path);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return path;
    throw thrown;
  }
}
