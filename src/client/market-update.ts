import type { BookState } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";
import type { DepthcastError } from "../errors.ts";
import type { IntervalMs } from "../limits.ts";
import type { NoticeCode } from "../protocol/update-encoder.ts";

/**
 * The one form of everything that a server tells a consumer, whatever the transport and the dialect. All
 * prices and quantities are mantissas (safe integers), all times nanoseconds since 1970 (0 = unknown).
 */
export type MarketUpdate =
  | SubscribedUpdate
  | SnapshotUpdate
  | DeltaUpdate
  | HeartbeatUpdate
  | NoticeUpdate
  | MalformedUpdate
  | RefusedUpdate;

/** What a server tells of a view, and can be read. */
export type BookUpdate = Exclude<MarketUpdate, MalformedUpdate | RefusedUpdate>;

/** A price with the sum of its orders. Mantissas; in a delta quantity 0 = gone from the window. */
export interface PriceLevel {
  readonly price: number;
  readonly quantity: number;
  readonly orderCount: number;
}

/** A place in the history of one symbol's book. */
export interface BookPosition {
  /** Names the sequence space; compare it for equality only. */
  readonly epoch: bigint;
  /** Events accepted for the symbol in this epoch. */
  readonly sequence: number;
}

/** What is wanted of one symbol. */
export interface MarketSubscription {
  readonly symbol: string;
  /** Levels a side. Default: the server's (20). */
  readonly depth?: number | undefined;
  /** Default: the server's (50). */
  readonly intervalMs?: IntervalMs | undefined;
  /** Goes on from here without a snapshot, where the server still can. */
  readonly resume?: BookPosition | undefined;
}

interface ViewUpdate {
  /** Names the view, a (symbol, depth, interval): the same for every client of the server. */
  readonly viewId: number;
  readonly symbol: string;
}

/** The first of a subscription: the values in force. */
export interface SubscribedUpdate extends ViewUpdate {
  readonly type: "subscribed";
  /** The id that `subscribe` returned. */
  readonly id: string;
  readonly instrument: Instrument;
  readonly depth: number;
  readonly intervalMs: number;
  readonly heartbeatIntervalMs: number;
  readonly resumed: boolean;
}

interface WindowUpdate extends ViewUpdate {
  readonly sequence: number;
  readonly bids: readonly PriceLevel[];
  readonly asks: readonly PriceLevel[];
  /** Over the whole window after this update, a uint32. */
  readonly checksum: number;
  readonly state: BookState;
  readonly sourceTimeUnixNanos: bigint;
  readonly publishTimeUnixNanos: bigint;
}

/** The whole window, best levels first. */
export interface SnapshotUpdate extends WindowUpdate {
  readonly type: "snapshot";
  readonly epoch: bigint;
}

/** The net change since the update at `prevSequence`. */
export interface DeltaUpdate extends WindowUpdate {
  readonly type: "delta";
  readonly prevSequence: number;
  readonly mergedIntervals: number;
}

/** The book is exact up to `sequence`; takes no part in the chain. */
export interface HeartbeatUpdate extends ViewUpdate {
  readonly type: "heartbeat";
  readonly epoch: bigint;
  readonly sequence: number;
  readonly publishTimeUnixNanos: bigint;
}

export interface NoticeUpdate extends ViewUpdate {
  readonly type: "notice";
  readonly code: NoticeCode;
  readonly detail: string;
}

/** Something of a view that cannot be read: what it said is lost. */
export interface MalformedUpdate {
  readonly type: "malformed";
  readonly viewId: number;
  /** The id that `subscribe` returned, where it was an answer to that; or empty. */
  readonly id: string;
  readonly detail: string;
}

/** A subscription that the server did not accept. The connection lives on. */
export interface RefusedUpdate {
  readonly type: "refused";
  /** The id that `subscribe` returned. */
  readonly id: string;
  readonly symbol: string;
  readonly error: DepthcastError;
}
