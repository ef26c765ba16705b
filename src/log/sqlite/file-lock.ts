import { DatabaseSync } from "node:sqlite";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { diskError, isBusy } from "./disk-error.ts";

/**
 * Keeps a second server, or a command that changes the log, off its files. It is the exclusive lock of an empty SQLite database beside
 * them: the kernel lets go of it when the process dies, however it dies, and it holds against the same process too. The log's own database
 * stays readable for others.
 */
export class FileLock {
  readonly #database: DatabaseSync;

  /** @throws DepthcastError `failed_precondition` where another holds it. */
  constructor(logPath: string) {
    try {
      this.#database = new DatabaseSync(`${logPath}.lock`, { timeout: 0 });
    } catch (thrown) {
      throw diskError(thrown, "lock", logPath);
    }
    try {
      this.#database.exec("BEGIN EXCLUSIVE");
    } catch (thrown) {
      this.#database.close();
      throw isBusy(thrown) ? inUse(logPath) : diskError(thrown, "lock", logPath);
    }
  }

  release(): void {
    this.#database.close();
  }
}

function inUse(logPath: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `the order log ${logPath} is in use by another depthcast (${logPath}.lock): stop that first, or choose another file`,
    { reason: "LOG_IN_USE" },
  );
}
