import type { LogEntry } from "./order-log.ts";
import { type RecordGroup, unpackRecords } from "./record-group.ts";

/** Reads a chunk of entries from `fromIndex` on, before `endIndex`: at least one. */
export type ReadChunk = (fromIndex: number, endIndex: number) => Promise<RecordGroup>;

/** One reader's way through the entries that are on the disk: the next chunk is read while this one is applied. */
export class ReadAheadEntries {
  readonly #read: ReadChunk;
  #next: { readonly fromIndex: number; readonly entries: Promise<readonly LogEntry[]> } | undefined;

  constructor(read: ReadChunk) {
    this.#read = read;
  }

  /** The chunk from `fromIndex` on, before `endIndex`. @throws DepthcastError what the log throws. */
  async take(fromIndex: number, endIndex: number): Promise<readonly LogEntry[]> {
    const ahead = this.#next?.fromIndex === fromIndex ? this.#next.entries : this.#chunk(fromIndex, endIndex);
    this.#next = undefined;
    const entries = await ahead;
    const nextIndex = fromIndex + entries.length;
    if (nextIndex < endIndex) {
      const next = this.#chunk(nextIndex, endIndex);
      // Whoever takes it is told; it may also be that nobody does.
      next.catch(() => {});
      this.#next = { fromIndex: nextIndex, entries: next };
    }
    return entries;
  }

  async #chunk(fromIndex: number, endIndex: number): Promise<readonly LogEntry[]> {
    return unpackRecords(await this.#read(fromIndex, endIndex), fromIndex);
  }
}
