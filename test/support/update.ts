/**
 * One message of one view as the tests see it, whatever transport and dialect it came by. Written from
 * PROTOCOL.md alone; shares nothing with src/.
 */

/** Price mantissa, quantity mantissa, orders. Numbers, because a mantissa is at most 2^53 - 1. */
export type BookLevel = readonly [price: number, quantity: number, orderCount: number];

export type StateName = "open" | "locked" | "crossed";

export interface ReceivedInstrument {
  readonly symbol: string;
  readonly priceScale: number;
  readonly quantityScale: number;
  readonly crossPolicy: "reject" | "flag";
  /** Mantissas. The JSON dialect shows 0 as one unit of its scale. */
  readonly tickSize: number;
  readonly lotSize: number;
  readonly description: string;
}

interface Envelope {
  readonly viewId: number;
  readonly symbol: string;
}

export interface SubscribedUpdate extends Envelope {
  readonly kind: "subscribed";
  readonly instrument: ReceivedInstrument;
  readonly depth: number;
  readonly intervalMs: number;
  readonly heartbeatIntervalMs: number;
  readonly id: string;
  readonly resumed: boolean;
}

interface WindowUpdate extends Envelope {
  readonly sequence: number;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  readonly checksum: number;
  readonly state: StateName;
  readonly sourceTimeUnixNanos: bigint;
  readonly publishTimeUnixNanos: bigint;
}

export interface SnapshotUpdate extends WindowUpdate {
  readonly kind: "snapshot";
  readonly epoch: bigint;
}

export interface DeltaUpdate extends WindowUpdate {
  readonly kind: "delta";
  readonly prevSequence: number;
  readonly mergedIntervals: number;
}

export interface HeartbeatUpdate extends Envelope {
  readonly kind: "heartbeat";
  readonly epoch: bigint;
  readonly sequence: number;
  readonly publishTimeUnixNanos: bigint;
}

export interface NoticeUpdate extends Envelope {
  readonly kind: "notice";
  readonly code: "resync" | "slow_consumer" | "shutdown";
  readonly detail: string;
}

export type Update = SubscribedUpdate | SnapshotUpdate | DeltaUpdate | HeartbeatUpdate | NoticeUpdate;

export interface Position {
  readonly epoch: bigint;
  readonly sequence: number;
}

/** A subscription as a client asks for it; what is left out is left out on the wire. */
export interface SubscriptionOptions {
  readonly symbol: string;
  readonly depth?: number;
  readonly intervalMs?: number;
  readonly resume?: Position;
  readonly id?: string;
}

/** An update in one line, for the account of a failure. */
export function describeUpdate(update: Update): string {
  const name = `view ${update.viewId} ${update.symbol} ${update.kind}`;
  switch (update.kind) {
    case "subscribed":
      return `${name} depth=${update.depth} interval=${update.intervalMs} resumed=${update.resumed}`;
    case "snapshot":
      return `${name} epoch=${update.epoch} sequence=${update.sequence} ${describeWindow(update)}`;
    case "delta":
      return (
        `${name} ${update.prevSequence}..${update.sequence} merged=${update.mergedIntervals} ` +
        describeWindow(update)
      );
    case "heartbeat":
      return `${name} epoch=${update.epoch} sequence=${update.sequence}`;
    default:
      return `${name} ${update.code}: ${update.detail}`;
  }
}

function describeWindow(update: WindowUpdate): string {
  return `state=${update.state} checksum=${update.checksum} bids=${describeLevels(update.bids)} asks=${describeLevels(update.asks)}`;
}

function describeLevels(side: readonly BookLevel[]): string {
  return side.length > 12 ? `${JSON.stringify(side.slice(0, 12))}… (${side.length})` : JSON.stringify(side);
}
