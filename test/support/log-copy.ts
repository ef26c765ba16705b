import { DatabaseSync } from "node:sqlite";

/** Often enough to be before truncation, which leaves at least one snapshot's interval of entries. */
const POLL_MS = 10;
/** Read over again after a restart: what was copied must still be there. */
const OVERLAP = 1000;

/**
 * A full copy of a SQLite log's records, taken by a stranger who knows no more than the table: before truncation
 * forgets them. It has the file open only between `follow` and `pause`, so that a server that starts finds it alone.
 */
export class LogCopy {
  readonly records: Uint8Array[] = [];
  readonly path: string;
  #database: DatabaseSync | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;
  /** The first entry that the log had kept when it was last looked at. */
  startIndex = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** While the server lives. Idempotent. */
  follow(): void {
    this.#timer ??= setInterval(() => {
      try {
        this.#catchUp();
      } catch (thrown) {
        this.#failure ??= thrown;
      }
    }, POLL_MS);
  }

  /** Takes what is there and lets go of the file. @throws Error where an entry was missed, or has changed. */
  pause(): void {
    try {
      this.#compareEnd();
      this.#catchUp();
    } finally {
      this.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#database?.close();
    this.#database = undefined;
  }

  #open(): DatabaseSync {
    this.#database ??= new DatabaseSync(this.path, { readOnly: true, timeout: 5000 });
    return this.#database;
  }

  #catchUp(): void {
    for (const { index, record } of this.#rows(this.records.length)) {
      if (index !== this.records.length) {
        throw new Error(`entry ${this.records.length} was not copied in time: the log begins at ${index}`);
      }
      this.records.push(record);
    }
  }

  #compareEnd(): void {
    const copied = this.records.length;
    const rows = this.#rows(Math.max(0, copied - OVERLAP));
    this.startIndex = this.#firstIndex() ?? this.startIndex;
    let end = 0;
    for (const { index, record } of rows) {
      end = index + 1;
      const before = this.records[index];
      if (before !== undefined && Buffer.compare(before, record) !== 0) {
        throw new Error(`entry ${index} is not what it was`);
      }
    }
    if (copied > 0 && end < copied) throw new Error(`the log ends at ${end}, and had ended at ${copied}`);
  }

  #rows(from: number): { readonly index: number; readonly record: Uint8Array }[] {
    const sql = "SELECT log_index AS indexOf, record FROM log WHERE log_index >= ? ORDER BY log_index";
    return this.#open()
      .prepare(sql)
      .all(from)
      .map((row) => ({ index: Number(row["indexOf"]), record: row["record"] as Uint8Array }));
  }

  #firstIndex(): number | undefined {
    const first = this.#open().prepare("SELECT min(log_index) AS first FROM log").get()?.["first"];
    return typeof first === "number" ? first : undefined;
  }
}
