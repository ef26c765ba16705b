import type { DatabaseSync, StatementSync } from "node:sqlite";
import { LINK_BYTES, packRecords, type RecordGroup, slotBytes } from "../record-group.ts";
import { type Digest, linkedDigest, sameDigest } from "./chain.ts";
import { isDamage } from "./disk-error.ts";
import { damagedEntry } from "./log-damage.ts";
import type { LogMeta } from "./log-meta.ts";

/** As it comes out of a file that may be damaged. */
type Row = readonly [index: unknown, record: unknown, digest: unknown];

const NO_BYTES = new Uint8Array(0);

/** Reads a log's entries and checks every one against the chain. */
export class EntryReader {
  readonly #path: string;
  readonly #meta: () => LogMeta;
  readonly #rows: StatementSync;
  readonly #row: StatementSync;
  readonly #digest: StatementSync;
  readonly #bounds: StatementSync;

  constructor(database: DatabaseSync, path: string, meta: () => LogMeta) {
    this.#path = path;
    this.#meta = meta;
    this.#rows = database.prepare(
      "SELECT log_index, record, digest FROM log WHERE log_index >= ? AND log_index < ? ORDER BY log_index",
    );
    this.#row = database.prepare("SELECT log_index, record, digest FROM log WHERE log_index = ?");
    this.#digest = database.prepare("SELECT digest FROM log WHERE log_index = ?");
    this.#bounds = database.prepare(
      "SELECT (SELECT min(log_index) FROM log) AS first, (SELECT max(log_index) FROM log) AS last",
    );
    this.#rows.setReturnArrays(true);
    this.#row.setReturnArrays(true);
  }

  /** Where the log ends. @throws DepthcastError `internal` where its first or its last entry is damaged. */
  end(): { readonly endIndex: number; readonly endDigest: Digest } {
    const { startIndex, startDigest } = this.#meta();
    const { first, last } = this.#bounds.get() ?? {};
    if (typeof last !== "number") return { endIndex: startIndex, endDigest: startDigest };
    if (first !== startIndex) throw this.#damaged(startIndex, `the first that is there is ${String(first)}`);
    this.read(last, last + 1, 0);
    return { endIndex: last + 1, endDigest: this.digestAt(last + 1) };
  }

  /** The last entry that is there; one before the start where there is none. */
  lastIndex(): number {
    const { last } = this.#bounds.get() ?? {};
    return typeof last === "number" ? last : this.#meta().startIndex - 1;
  }

  /** The digest before `index`, as it is written. */
  digestAt(index: number): Digest {
    const { startIndex, startDigest } = this.#meta();
    if (index === startIndex) return startDigest;
    const digest = this.#digest.get(index - 1)?.["digest"];
    if (digest instanceof Uint8Array) return digest;
    throw this.#damaged(index - 1, "it is missing");
  }

  /** Entries from `fromIndex` on, before `endIndex`: about `bytesMax`, at least one. */
  read(fromIndex: number, endIndex: number, bytesMax: number): RecordGroup {
    const rows = this.#rowsFrom(fromIndex, endIndex, bytesMax);
    if (rows.length === 0 && fromIndex < endIndex) throw this.#damaged(fromIndex, "it is missing");
    const group = packRecords(rows.map(([, record]) => (record instanceof Uint8Array ? record : NO_BYTES)));
    let digest = this.digestAt(fromIndex);
    let at = 0;
    for (const [place, [index, , written]] of rows.entries()) {
      const expected = fromIndex + place;
      if (index !== expected) throw this.#damaged(expected, "it is missing");
      const length = group.lengths[place] ?? 0;
      digest = linkedDigest(new Uint8Array(group.buffer, at, LINK_BYTES + length), expected, digest);
      const fits = written instanceof Uint8Array && sameDigest(digest, written);
      if (!fits) throw this.#damaged(expected, "its digest does not match");
      at += slotBytes(length);
    }
    return group;
  }

  #rowsFrom(fromIndex: number, endIndex: number, bytesMax: number): Row[] {
    const rows: Row[] = [];
    let bytes = 0;
    try {
      for (const row of this.#rows.iterate(fromIndex, endIndex) as Iterable<unknown>) {
        const [, record] = row as Row;
        rows.push(row as Row);
        if (record instanceof Uint8Array) bytes += record.length;
        if (bytes >= bytesMax) break;
      }
    } catch (thrown) {
      throw isDamage(thrown) ? this.#firstUnreadable(fromIndex, endIndex, thrown) : thrown;
    }
    return rows;
  }

  /** A page that is damaged makes a whole statement fail: one by one they tell where. */
  #firstUnreadable(fromIndex: number, endIndex: number, thrown: unknown): unknown {
    for (let index = fromIndex; index < endIndex; index++) {
      try {
        if (this.#row.get(index) === undefined) return this.#damaged(index, "it is missing");
      } catch (own) {
        if (isDamage(own)) return this.#damaged(index, (own as Error).message);
        return own;
      }
    }
    return thrown;
  }

  #damaged(index: number, why: string): Error {
    return damagedEntry(this.#path, index, this.#meta().startIndex, why);
  }
}
