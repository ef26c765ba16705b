import { DatabaseSync } from "node:sqlite";
import { DepthcastError, ErrorCode } from "../../errors.ts";

/**
 * The database file of a log: how it is opened, and what its tables are. Nothing in a process that has it open may open the file, or
 * its `-shm`, in another way than through SQLite: closing such a descriptor would let go of SQLite's locks, which POSIX has for each process.
 */

/** "DpLg": says to whom the file belongs. */
const APPLICATION_ID = 0x44_70_4c_67;

/**
 * Larger than SQLite's 4096: a batch of 100 events is 2.8 KB, of which a page of 4096 holds one; with 16 KiB, commits of 64 such
 * batches took half the time and the file 0.7 of the space. Larger pages gain nothing, and a small commit writes one page whole.
 */
const PAGE_BYTES = 16_384;

/** How long a statement waits for a reader in another process to let go of a lock. */
export const BUSY_TIMEOUT_MS = 5000;

/** Each brings the schema from the version that is its place to the next. What is here never changes; new ones are put behind. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE log (log_index INTEGER PRIMARY KEY, record BLOB NOT NULL, digest BLOB NOT NULL);
   CREATE TABLE meta (key INTEGER PRIMARY KEY CHECK (key = 1), content TEXT NOT NULL, digest BLOB NOT NULL);
   CREATE TABLE probe (content BLOB NOT NULL);`,
];

const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Opens for writing; creates and migrates where that is needed.
 *
 * @throws what SQLite throws, and DepthcastError `failed_precondition` for a file that is another program's, or of a newer version.
 */
export function openLogDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.exec(`PRAGMA page_size = ${PAGE_BYTES}`);
    checkIdentity(database, path);
    database.exec("PRAGMA journal_mode = WAL");
    // Durable before it is acknowledged. Checkpoints are asked for, so that their failures are seen.
    database.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
    migrate(database);
    return database;
  } catch (thrown) {
    database.close();
    throw thrown;
  }
}

/** A number that SQLite keeps of the database. */
export function pragma(database: DatabaseSync, name: string): number {
  const [value] = Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {});
  return Number(value);
}

/** @throws DepthcastError `failed_precondition` for a database that is no log, or one of a newer version. */
export function checkIsLog(database: DatabaseSync, path: string): void {
  checkIdentity(database, path);
  if (pragma(database, "user_version") === 0) throw notALog(path);
}

function checkIdentity(database: DatabaseSync, path: string): void {
  const applicationId = pragma(database, "application_id");
  const version = pragma(database, "user_version");
  const isNew = applicationId === 0 && version === 0 && tableCount(database) === 0;
  if (!isNew && applicationId !== APPLICATION_ID) throw notALog(path);
  if (version > SCHEMA_VERSION) {
    throw new DepthcastError(
      ErrorCode.failedPrecondition,
      `the order log ${path} has schema version ${version}, this build knows versions up to ${SCHEMA_VERSION}: use a newer depthcast`,
      { reason: "LOG_TOO_NEW" },
    );
  }
}

function tableCount(database: DatabaseSync): number {
  return Number(database.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.["count"]);
}

function migrate(database: DatabaseSync): void {
  const version = pragma(database, "user_version");
  if (version === SCHEMA_VERSION) return;
  database.exec("BEGIN IMMEDIATE");
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

function notALog(path: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `${path} is a database, but no order log of depthcast: choose another file`,
    { reason: "NOT_A_LOG" },
  );
}
