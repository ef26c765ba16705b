import type { Depth } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";

/** One book, read once. */
export interface BookSnapshot {
  readonly instrument: Instrument;
  readonly epoch: bigint;
  /** The best levels; owned by the receiver. */
  readonly depth: Depth;
  readonly checksum: number;
  readonly publishTimeUnixNanos: bigint;
}

export interface SnapshotRequest {
  readonly symbol: string;
  readonly depth: number;
  /** Wait until the book has got there. */
  readonly minSequence: number;
  /** 0 = any. */
  readonly epoch: bigint;
}

/** Answers the book of one symbol once: GetSnapshot and `GET /v1/book/{symbol}`. */
export interface SnapshotSource {
  /**
   * @throws DepthcastError `not_found`, `failed_precondition` (another epoch), `resource_exhausted` (no
   *   memory left for the depth), `deadline_exceeded` (`minSequence` was not reached within
   *   SNAPSHOT_WAIT_MAX_MS, or `signal` was aborted).
   */
  read(request: SnapshotRequest, signal: AbortSignal): Promise<BookSnapshot>;
}
