import type { LogEntry } from "./order-log.ts";

/**
 * Records one behind the other in one buffer that may be transferred, in the order of the log. Each is padded to 8 bytes and has
 * room before it for its link, so that the digest of both needs no copy (`sqlite/chain.ts`).
 */
export interface RecordGroup {
  readonly buffer: ArrayBuffer;
  /** Bytes of each record, without its link and padding. */
  readonly lengths: readonly number[];
}

/** Bytes before each record for its link. */
export const LINK_BYTES = 32;

/** Bytes that a record takes in a group. */
export function slotBytes(recordBytes: number): number {
  return LINK_BYTES + Math.ceil(recordBytes / 8) * 8;
}

/** The records are copied. */
export function packRecords(records: readonly (ArrayBuffer | Uint8Array)[]): RecordGroup {
  const lengths = records.map(({ byteLength }) => byteLength);
  const buffer = new ArrayBuffer(lengths.reduce((sum, length) => sum + slotBytes(length), 0));
  const bytes = new Uint8Array(buffer);
  let at = 0;
  for (const record of records) {
    bytes.set(record instanceof Uint8Array ? record : new Uint8Array(record), at + LINK_BYTES);
    at += slotBytes(record.byteLength);
  }
  return { buffer, lengths };
}

/** Entries from `firstIndex` on, each in a buffer of its own. */
export function unpackRecords({ buffer, lengths }: RecordGroup, firstIndex: number): LogEntry[] {
  let at = LINK_BYTES;
  return lengths.map((length, place) => {
    const record = buffer.slice(at, at + length);
    at += slotBytes(length);
    return { index: firstIndex + place, record };
  });
}
