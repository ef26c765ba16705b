import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { LogRules } from "../record.ts";
import type { BookSnapshot } from "./snapshot.ts";

/**
 * The snapshot file, version 1, little-endian:
 *
 * ```
 * 8 bytes "DEPTHBKS", u32 version, u32 reserved (0)
 * sections: u32 kind, u32 jsonBytes, f64 dataBytes, JSON, data, u32 CRC-32 of all these
 * ```
 *
 * A head, the producers in blocks, the books 1, 2, 3, …, and an end, after which nothing follows. A section's JSON says
 * what its data are. The end has a checksum over the file's header and the sections' checksums, so that none is missing or out of place.
 */

export const MAGIC = Buffer.from("DEPTHBKS", "latin1");
export const VERSION = 1;
export const FILE_HEADER_BYTES = 16;
export const SECTION_HEADER_BYTES = 16;
export const CHECKSUM_BYTES = 4;
/** Data of an order, and more of each where a book has keys. */
export const ORDER_BYTES = 26;
export const KEYED_BYTES = 5;
/** What is read and written in one go, so that no other work waits for long. */
export const CHUNK_BYTES = 1024 * 1024;

/** What a section holds; the values are those on disk. */
export const SectionKind = { head: 1, producers: 2, book: 3, end: 4 } as const;
export type SectionKind = (typeof SectionKind)[keyof typeof SectionKind];

/** A place in a log, and the digest of everything before it. */
export interface LogMark {
  readonly index: number;
  readonly digest: string;
}

export interface HeadJson {
  readonly mark: LogMark;
  readonly rules: LogRules;
  readonly instruments: number;
  readonly producers: number;
}

/** Data: the numbers (f64), then the bytes of each id (u8), then the ids. */
export interface ProducersJson {
  readonly count: number;
}

/**
 * Data: price, quantity (f64), orderIdLow, orderIdHigh (i32), side, nameless (u8), one an order. Where there are keys, after
 * that keyOffset (u32) and keyLength (u8), one an order, and the keys.
 */
export interface BookJson extends Omit<BookSnapshot, "state"> {
  readonly sequence: number;
  readonly orders: number;
  readonly keyBytes: number;
}

export interface EndJson {
  /** Up to where any of the books has come: a log that lacks some of that has other books. */
  readonly mark: LogMark;
  /** CRC-32 of the file header and the checksums of all sections before this one. */
  readonly checksum: number;
}

export function damaged(path: string, how: string): DepthcastError {
  return new DepthcastError(ErrorCode.internal, `the snapshot ${path} is damaged: ${how}`, {
    reason: "SNAPSHOT_DAMAGED",
  });
}
