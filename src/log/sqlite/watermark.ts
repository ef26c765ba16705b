import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { type Digest, DIGEST_BYTES } from "./chain.ts";

/**
 * The last acknowledged entry, in a small file beside the log: SQLite drops the end of a damaged write-ahead log without a word, and
 * this is what notices. Two slots are written in turn, each with a checksum, so that one is always whole. Written before anything that
 * it covers is acknowledged or delivered, and synced at checkpoints only: after a power cut it may be older than the log, which makes the check weaker, never wrong.
 *
 * ```
 *  0 u32 magic   4 u32 version   8 f64 count of writes   16 36 bytes log id, text   52 u32 0
 * 56 u64 epoch  64 f64 endIndex 72 20 bytes digest before endIndex                  92 u32 crc32 of all before
 * ```
 */

/** What was acknowledged last. */
export interface WatermarkContent {
  readonly logId: string;
  readonly epoch: bigint;
  /** One past the last acknowledged entry. */
  readonly endIndex: number;
  /** The digest before `endIndex`. */
  readonly digest: Digest;
}

const MAGIC = 0x4d_57_70_44; // "DpWM"
const VERSION = 1;
const SLOT_BYTES = 96;
const CRC_AT = SLOT_BYTES - 4;
/** In blocks of their own, so that a write that is torn by a power cut leaves the other whole. */
const SLOT_STRIDE = 4096;

export function watermarkPath(logPath: string): string {
  return `${logPath}.watermark`;
}

export class Watermark {
  readonly #file: number;
  readonly #slot = new Uint8Array(SLOT_BYTES);
  #writes: number;

  /** What it says; undefined where there is none that is whole. */
  readonly found: WatermarkContent | undefined;

  /** Makes the file where there is none. @throws the operating system's error. */
  constructor(logPath: string) {
    const path = watermarkPath(logPath);
    this.#file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const newest = readNewest(this.#file);
    this.found = newest?.content;
    this.#writes = newest?.writes ?? 0;
  }

  /** @throws the operating system's error. */
  write({ logId, epoch, endIndex, digest }: WatermarkContent): void {
    this.#writes += 1;
    const view = new DataView(this.#slot.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, VERSION, true);
    view.setFloat64(8, this.#writes, true);
    new TextEncoder().encodeInto(logId, this.#slot.subarray(16, 52));
    view.setBigUint64(56, epoch, true);
    view.setFloat64(64, endIndex, true);
    this.#slot.set(digest, 72);
    view.setUint32(CRC_AT, crc32(this.#slot.subarray(0, CRC_AT)), true);
    const written = writeSync(this.#file, this.#slot, 0, SLOT_BYTES, (this.#writes % 2) * SLOT_STRIDE);
    if (written < SLOT_BYTES) throw Object.assign(new Error("a short write"), { code: "ENOSPC" });
  }

  sync(): void {
    fdatasyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Reads without changing anything; undefined where there is no file, or none of its slots is whole. */
export function readWatermark(logPath: string): WatermarkContent | undefined {
  let file: number;
  try {
    file = openSync(watermarkPath(logPath), "r");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw thrown;
  }
  try {
    return readNewest(file)?.content;
  } finally {
    closeSync(file);
  }
}

/** Makes the names of files that were just made survive a power cut. */
export function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

interface Slot {
  readonly writes: number;
  readonly content: WatermarkContent;
}

function readNewest(file: number): Slot | undefined {
  const slots = [readSlot(file, 0), readSlot(file, 1)].filter((slot) => slot !== undefined);
  return slots.toSorted((a, b) => b.writes - a.writes)[0];
}

function readSlot(file: number, place: number): Slot | undefined {
  const bytes = new Uint8Array(SLOT_BYTES);
  if (readSync(file, bytes, 0, SLOT_BYTES, place * SLOT_STRIDE) < SLOT_BYTES) return undefined;
  const view = new DataView(bytes.buffer);
  const isWhole =
    view.getUint32(0, true) === MAGIC &&
    view.getUint32(4, true) === VERSION &&
    view.getUint32(CRC_AT, true) === crc32(bytes.subarray(0, CRC_AT));
  if (!isWhole) return undefined;
  return {
    writes: view.getFloat64(8, true),
    content: {
      logId: new TextDecoder().decode(bytes.subarray(16, 52)),
      epoch: view.getBigUint64(56, true),
      endIndex: view.getFloat64(64, true),
      digest: bytes.slice(72, 72 + DIGEST_BYTES),
    },
  };
}
