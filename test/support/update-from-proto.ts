import type {
  BookLevel,
  NoticeUpdate,
  Position,
  ReceivedInstrument,
  StateName,
  SubscriptionOptions,
  Update,
} from "./update.ts";

/** Reads decoded protobuf messages (64-bit numbers and enums as strings) as updates. */

export interface RawLevel {
  readonly price: string;
  readonly quantity: string;
  readonly orderCount: number;
}

export interface RawInstrument {
  readonly symbol: string;
  readonly priceScale: number;
  readonly quantityScale: number;
  readonly crossPolicy: string;
  readonly tickSize: string;
  readonly lotSize: string;
  readonly description: string;
}

export interface RawSnapshot {
  readonly epoch: string;
  readonly sequence: string;
  readonly bids: readonly RawLevel[];
  readonly asks: readonly RawLevel[];
  readonly checksum: number;
  readonly state: string;
  readonly sourceTimeUnixNanos: string;
  readonly publishTimeUnixNanos: string;
}

interface RawDelta extends Omit<RawSnapshot, "epoch"> {
  readonly prevSequence: string;
  readonly mergedIntervals: number;
}

export interface RawUpdate {
  readonly viewId: number;
  readonly symbol: string;
  readonly event?: "subscribed" | "snapshot" | "delta" | "heartbeat" | "notice";
  readonly subscribed?: {
    readonly instrument: RawInstrument;
    readonly depth: number;
    readonly intervalMs: number;
    readonly heartbeatIntervalMs: number;
    readonly id: string;
    readonly resumed: boolean;
  };
  readonly snapshot?: RawSnapshot;
  readonly delta?: RawDelta;
  readonly heartbeat?: {
    readonly epoch: string;
    readonly sequence: string;
    readonly publishTimeUnixNanos: string;
  };
  readonly notice?: { readonly code: string; readonly detail: string };
}

/** @throws Error where the message is not one the contract knows. */
export function updateFromProto(raw: RawUpdate): Update {
  const { viewId, symbol } = raw;
  if (raw.subscribed) {
    const { instrument, ...values } = raw.subscribed;
    return { kind: "subscribed", viewId, symbol, ...values, instrument: instrumentFromProto(instrument) };
  }
  if (raw.snapshot) {
    const { snapshot } = raw;
    return { kind: "snapshot", viewId, symbol, epoch: BigInt(snapshot.epoch), ...windowFromProto(snapshot) };
  }
  if (raw.delta) {
    const { delta } = raw;
    return {
      kind: "delta",
      viewId,
      symbol,
      prevSequence: mantissa(delta.prevSequence),
      mergedIntervals: delta.mergedIntervals,
      ...windowFromProto(delta),
    };
  }
  if (raw.heartbeat) {
    return {
      kind: "heartbeat",
      viewId,
      symbol,
      epoch: BigInt(raw.heartbeat.epoch),
      sequence: mantissa(raw.heartbeat.sequence),
      publishTimeUnixNanos: BigInt(raw.heartbeat.publishTimeUnixNanos),
    };
  }
  if (raw.notice) {
    return { kind: "notice", viewId, symbol, code: noticeCode(raw.notice.code), detail: raw.notice.detail };
  }
  throw new Error(`an update without an event: ${JSON.stringify(raw)}`);
}

export function instrumentFromProto(raw: RawInstrument): ReceivedInstrument {
  const policy = { CROSS_POLICY_REJECT: "reject", CROSS_POLICY_FLAG: "flag" } as const;
  const crossPolicy = policy[raw.crossPolicy as keyof typeof policy];
  if (crossPolicy === undefined) throw new Error(`a cross policy in force cannot be ${raw.crossPolicy}`);
  return {
    symbol: raw.symbol,
    priceScale: raw.priceScale,
    quantityScale: raw.quantityScale,
    crossPolicy,
    tickSize: mantissa(raw.tickSize),
    lotSize: mantissa(raw.lotSize),
    description: raw.description,
  };
}

export function windowFromProto(raw: Omit<RawSnapshot, "epoch">): {
  readonly sequence: number;
  readonly bids: BookLevel[];
  readonly asks: BookLevel[];
  readonly checksum: number;
  readonly state: StateName;
  readonly sourceTimeUnixNanos: bigint;
  readonly publishTimeUnixNanos: bigint;
} {
  return {
    sequence: mantissa(raw.sequence),
    bids: raw.bids.map(levelFromProto),
    asks: raw.asks.map(levelFromProto),
    checksum: raw.checksum,
    state: stateFromProto(raw.state),
    sourceTimeUnixNanos: BigInt(raw.sourceTimeUnixNanos),
    publishTimeUnixNanos: BigInt(raw.publishTimeUnixNanos),
  };
}

/** A subscription as it goes on the wire. */
export function subscriptionToProto(options: SubscriptionOptions): object {
  const { resume, ...rest } = options;
  if (resume === undefined) return rest;
  return { ...rest, resume: positionToProto(resume) };
}

function positionToProto(position: Position): { epoch: string; sequence: string } {
  return { epoch: String(position.epoch), sequence: String(position.sequence) };
}

function levelFromProto(raw: RawLevel): BookLevel {
  return [mantissa(raw.price), mantissa(raw.quantity), raw.orderCount];
}

function stateFromProto(name: string): StateName {
  const states = {
    BOOK_STATE_OPEN: "open",
    BOOK_STATE_LOCKED: "locked",
    BOOK_STATE_CROSSED: "crossed",
  } as const;
  const state = states[name as keyof typeof states];
  if (state === undefined) throw new Error(`a book state is never ${name}`);
  return state;
}

function noticeCode(name: string): NoticeUpdate["code"] {
  const codes = {
    NOTICE_CODE_RESYNC: "resync",
    NOTICE_CODE_SLOW_CONSUMER: "slow_consumer",
    NOTICE_CODE_SHUTDOWN: "shutdown",
  } as const;
  const code = codes[name as keyof typeof codes];
  if (code === undefined) throw new Error(`a notice code is never ${name}`);
  return code;
}

function mantissa(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${text} is outside ±(2^53 - 1)`);
  return value;
}
