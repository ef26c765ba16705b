import type { BookState, DepthSide } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";

/** What all messages of a view say about it. */
export interface ViewIdentity {
  readonly viewId: number;
  readonly instrument: Instrument;
  readonly depth: number;
  readonly intervalMs: number;
}

export interface SubscribedContent {
  readonly heartbeatIntervalMs: number;
  /** The client's own name for its subscription. */
  readonly id: string;
  readonly resumed: boolean;
}

/** What `Snapshot` and `Delta` have in common. */
export interface WindowContent {
  readonly sequence: number;
  /** Best first. In a delta quantity 0 = removed. */
  readonly bids: DepthSide;
  readonly asks: DepthSide;
  readonly checksum: number;
  readonly state: BookState;
  /** Nanoseconds since 1970, low and high word. */
  readonly sourceTimeLow: number;
  readonly sourceTimeHigh: number;
  readonly publishTimeUnixNanos: bigint;
}

export interface SnapshotContent extends WindowContent {
  readonly epoch: bigint;
}

export interface DeltaContent extends WindowContent {
  readonly prevSequence: number;
  readonly mergedIntervals: number;
}

export interface HeartbeatContent {
  readonly epoch: bigint;
  readonly sequence: number;
  readonly publishTimeUnixNanos: bigint;
}

/** What an update is. */
export type UpdateKind = "subscribed" | "snapshot" | "delta" | "heartbeat" | "notice";

/** The values are those of the wire. */
export const NoticeCode = { resync: 1, slowConsumer: 2, shutdown: 3 } as const;
export type NoticeCode = (typeof NoticeCode)[keyof typeof NoticeCode];

export interface NoticeContent {
  readonly code: NoticeCode;
  readonly detail: string;
}

/**
 * Writes one update of a view in one dialect. What it returns is shared by all consumers of the view that
 * speak the dialect, and belongs to the receiver: the encoder keeps no hold of it.
 */
export interface UpdateEncoder {
  subscribed(view: ViewIdentity, content: SubscribedContent): Uint8Array;
  snapshot(view: ViewIdentity, content: SnapshotContent): Uint8Array;
  delta(view: ViewIdentity, content: DeltaContent): Uint8Array;
  heartbeat(view: ViewIdentity, content: HeartbeatContent): Uint8Array;
  notice(view: ViewIdentity, content: NoticeContent): Uint8Array;
}
