import type { BookStatus } from "../../src/client/live-book.ts";

/**
 * What the page and its feed worker say to each other. The page asks once a frame and gets the newest state of the books
 * that changed: neither side ever queues for the other.
 */

export interface Watch {
  readonly symbols: readonly string[];
  readonly depth: number;
  readonly intervalMs: number;
}

export type ToFeed =
  | ({ readonly kind: "watch"; readonly url: string } & Watch)
  /** The next frame is about to be drawn. */
  | { readonly kind: "frame" }
  /** Stop reading for a while, again and again; false = read as it comes. */
  | { readonly kind: "slow"; readonly on: boolean };

/** One side's levels, best first: price mantissa, quantity mantissa, orders, and so on. */
export type LevelColumns = Float64Array;
export const LEVEL_STRIDE = 3;

/** A book as it is now, and what it went through. */
export interface BookFrame {
  readonly symbol: string;
  readonly status: BookStatus;
  readonly priceScale: number;
  readonly quantityScale: number;
  /** Digits after the point that a quantity can have; those beyond are always 0. */
  readonly quantityDigits: number;
  readonly bids: LevelColumns;
  readonly asks: LevelColumns;
  /** "open", "locked" or "crossed". */
  readonly state: string;
  readonly sequence: number;
  /** Since the server published it; 0 = unknown. */
  readonly latencyMs: number;
  readonly ageMs: number;
  readonly updatesPerSecond: number;
  /** Intervals folded into the newest update, and the most so far. */
  readonly mergedIntervals: number;
  readonly mergedMost: number;
  /** States of which the checksum was right, and those that were asked for anew. */
  readonly verified: number;
  readonly resyncs: number;
}

export interface Link {
  /** "connecting", "connected", or why there is no connection. */
  readonly text: string;
  readonly isUp: boolean;
}

export type FromFeed =
  | { readonly kind: "frame"; readonly books: readonly BookFrame[]; readonly link: Link }
  /** The worker reads nothing until then, milliseconds of `performance.timeOrigin + now()`; undefined = it reads. */
  | { readonly kind: "blocked"; readonly untilUnixMs: number | undefined }
  | { readonly kind: "refused"; readonly symbol: string; readonly message: string };
