import type { LogEntry } from "../../src/log/order-log.ts";

/** Takes what a log delivers and, where told to, holds the log until released. */
export class LogTaker {
  readonly indexes: number[] = [];
  readonly turns: number[] = [];
  readonly records: ArrayBuffer[] = [];
  release: (() => void) | undefined;
  readonly #holds: boolean;

  constructor(holds = false) {
    this.#holds = holds;
  }

  consume(entries: readonly LogEntry[]): void | Promise<void> {
    this.turns.push(entries.length);
    this.indexes.push(...entries.map(({ index }) => index));
    this.records.push(...entries.map(({ record }) => record));
    if (this.#holds) return new Promise((resolve) => (this.release = resolve));
    return undefined;
  }
}

/** A record of its own content: its number, and so many bytes of it. */
export function numberedRecord(number: number, byteLength = 100): ArrayBuffer {
  const record = new Uint8Array(byteLength).fill(number % 251);
  new DataView(record.buffer).setFloat64(0, number);
  return record.buffer;
}

export function recordNumber(record: ArrayBuffer): number {
  return new DataView(record).getFloat64(0);
}
