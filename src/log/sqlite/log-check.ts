import { statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { diskError } from "./disk-error.ts";
import { LogReader } from "./log-reader.ts";
import type { WatermarkContent } from "./watermark.ts";
import { checkWatermark } from "./watermark-check.ts";

/**
 * Looks at a log before it is opened for writing, and changes nothing: of a database that is only opened and closed again SQLite would
 * carry a damaged write-ahead log over up to the damage, and delete the rest.
 *
 * @throws DepthcastError `internal` where it is damaged, `failed_precondition` where something acknowledged is missing.
 */
export function checkLog(path: string, found: WatermarkContent | undefined): void {
  // A server that ended in good order has emptied it. One that is damaged in its midst is taken up to there, which may not fit the
  // pages that were carried over before.
  const wasCutOff = byteLength(`${path}-wal`) > 0;
  const log = new LogReader(path);
  try {
    if (wasCutOff) log.checkStructure();
    log.checkEnds();
    checkWatermark(log, found);
  } finally {
    log.close();
  }
}

/** Whether there is a log, or a file of something else: as opposed to none, or one whose creation was cut off. */
export function isBegun(path: string): boolean {
  if (byteLength(path) === 0) return false;
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      const tables = database.prepare("SELECT name FROM sqlite_schema").all();
      if (tables.length === 0) return false;
      return (
        !tables.some(({ name }) => name === "meta") || hasRows(database, "meta") || hasRows(database, "log")
      );
    } finally {
      database.close();
    }
  } catch (thrown) {
    throw diskError(thrown, "open", path);
  }
}

function hasRows(database: DatabaseSync, table: string): boolean {
  return database.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() !== undefined;
}

function byteLength(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
