import { DepthDelta } from "../book/depth-delta.ts";
import { DepthView } from "../book/depth-view.ts";
import type { Depth } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";
import { INTERVALS_MS, type IntervalMs, type Limits } from "../limits.ts";
import { NoticeCode, type UpdateEncoder, type ViewIdentity } from "../protocol/update-encoder.ts";
import type { Dialect } from "./consumer.ts";
import type { Subscription } from "./subscription.ts";

/** Encoded deltas that a view keeps for each dialect, one for each cursor that its consumers are at: so many, */
const ENCODED_DELTAS_MAX = 64;
/** and so many bytes, as with slow consumers each may be at a cursor of its own. */
const ENCODED_BYTES_MAX = 256 * 1024;

/**
 * The number of a view: the same for every client, on every thread and machine, because it is computed
 * from what the view is. `createLimits` sees to it that it fits a uint32.
 */
export function viewIdOf(instrument: number, depth: number, intervalMs: IntervalMs, limits: Limits): number {
  return (instrument * (limits.depthMax + 1) + depth) * 16 + INTERVALS_MS.indexOf(intervalMs);
}

/** A consumer that was away for this long can resume, in a view that changes at every interval. */
const RESUME_SPAN_MS = 30_000;

function statesFor(intervalMs: IntervalMs): number {
  return Math.max(256, RESUME_SPAN_MS / Math.max(intervalMs, 10));
}

export interface ViewOptions {
  readonly viewId: number;
  readonly instrumentIndex: number;
  readonly instrument: Instrument;
  readonly depth: number;
  readonly intervalMs: IntervalMs;
  readonly epoch: bigint;
  readonly encoders: { readonly [D in Dialect]: UpdateEncoder };
}

/** Tells the time that is written into what is encoded now. */
export interface PublishClock {
  publishNanos(): bigint;
}

/** What a consumer at some cursor is to be sent, and what it means for its cursor. */
export interface CatchUp {
  readonly pieces: readonly Uint8Array[];
  /** Intervals folded in; 0 = a snapshot. */
  readonly mergedIntervals: number;
}

/**
 * One (symbol, depth, interval) as its consumers see it: the levels with their stamps, the subscriptions
 * with their cursors, and the updates of the present state, encoded once for each cursor and dialect.
 */
export class View {
  readonly instrumentIndex: number;
  readonly intervalMs: IntervalMs;
  readonly subscriptions = new Set<Subscription>();
  readonly #levels: DepthView;
  readonly #epoch: bigint;
  readonly #encoders: ViewOptions["encoders"];
  readonly #encoded: { readonly [D in Dialect]: EncodedUpdates } = {
    proto: new EncodedUpdates(),
    json: new EncodedUpdates(),
  };
  #identity: ViewIdentity;

  /** The board has changed since the last refresh. */
  dirty = true;
  /** When it turned dirty, for the age of what is delivered. */
  dirtySinceMs = 0;
  /** When what the last flush took in turned it dirty. */
  changedSinceMs = 0;
  /** Consumers that were handed it in the present turn. */
  handedOver = 0;
  /** Not to be flushed again before; while a change waits, the tick that it waits for. */
  nextFlushMs = 0;
  /** When something was last sent to all its consumers. */
  lastSentMs = 0;
  /** Since when it has no consumers; undefined while it has some. */
  idleSinceMs: number | undefined;

  constructor(options: ViewOptions) {
    const { viewId, instrument, depth, intervalMs } = options;
    this.instrumentIndex = options.instrumentIndex;
    this.intervalMs = intervalMs;
    this.#identity = { viewId, instrument, depth, intervalMs };
    this.#epoch = options.epoch;
    this.#encoders = options.encoders;
    this.#levels = new DepthView(depth, { statesMax: statesFor(intervalMs) });
  }

  get viewId(): number {
    return this.#identity.viewId;
  }
  get depth(): number {
    return this.#identity.depth;
  }
  get symbol(): string {
    return this.#identity.instrument.symbol;
  }
  get instrument(): Instrument {
    return this.#identity.instrument;
  }
  /** Whether there is a state to send: the board may not have had one yet. */
  get initialized(): boolean {
    return this.#levels.initialized;
  }
  get sequence(): number {
    return this.#levels.sequence;
  }
  get changes(): number {
    return this.#levels.changes;
  }
  get bytes(): number {
    return this.#levels.bytes;
  }

  /** Takes the board's newest state. True = consumers see a difference. */
  refresh(newest: Depth): boolean {
    const before = this.#levels.sequence;
    const changed = this.#levels.refresh(newest);
    if (changed || this.#levels.sequence !== before) this.#forgetEncoded();
    return changed;
  }

  /** The instrument was redefined. */
  redefine(instrument: Instrument): void {
    this.#identity = { ...this.#identity, instrument };
    this.#forgetEncoded();
  }

  /** Whether a consumer at this position can go on without a snapshot; else undefined. */
  changesAt(epoch: bigint, sequence: number): number | undefined {
    if (epoch !== this.#epoch || !this.#levels.knows(sequence)) return undefined;
    return this.#levels.changesAt(sequence);
  }

  /** Everything from a cursor to the present state: one delta, or a notice and a snapshot. */
  catchUp(dialect: Dialect, cursor: number, changesAtCursor: number, clock: PublishClock): CatchUp {
    const encoded = this.#encoded[dialect];
    const known = encoded.deltas.get(cursor);
    if (known !== undefined) return known;
    const catchUp = this.#encodeCatchUp(dialect, cursor, changesAtCursor, clock);
    encoded.keep(cursor, catchUp);
    return catchUp;
  }

  subscribed(dialect: Dialect, id: string, resumed: boolean, heartbeatIntervalMs: number): Uint8Array {
    return this.#encoders[dialect].subscribed(this.#identity, { heartbeatIntervalMs, id, resumed });
  }

  snapshot(dialect: Dialect, clock: PublishClock): Uint8Array {
    const encoded = this.#encoded[dialect];
    encoded.snapshot ??= this.#encoders[dialect].snapshot(this.#identity, {
      ...this.#window(clock.publishNanos()),
      epoch: this.#epoch,
      bids: this.#levels.bids,
      asks: this.#levels.asks,
    });
    return encoded.snapshot;
  }

  heartbeat(dialect: Dialect, clock: PublishClock): Uint8Array {
    const encoded = this.#encoded[dialect];
    const publishTimeUnixNanos = clock.publishNanos();
    if (encoded.heartbeat === undefined || encoded.heartbeatNanos !== publishTimeUnixNanos) {
      const { sequence } = this.#levels;
      encoded.heartbeat = this.#encoders[dialect].heartbeat(this.#identity, {
        epoch: this.#epoch,
        sequence,
        publishTimeUnixNanos,
      });
      encoded.heartbeatNanos = publishTimeUnixNanos;
    }
    return encoded.heartbeat;
  }

  notice(dialect: Dialect, code: NoticeCode, detail: string): Uint8Array {
    return this.#encoders[dialect].notice(this.#identity, { code, detail });
  }

  #encodeCatchUp(dialect: Dialect, cursor: number, changesAtCursor: number, clock: PublishClock): CatchUp {
    if (!this.#levels.collectDelta(cursor, scratch)) {
      const notice = this.notice(
        dialect,
        NoticeCode.resync,
        "what was missed is no longer known; a snapshot follows",
      );
      return { pieces: [notice, this.snapshot(dialect, clock)], mergedIntervals: 0 };
    }
    const mergedIntervals = this.#levels.changes - changesAtCursor;
    const delta = this.#encoders[dialect].delta(this.#identity, {
      ...this.#window(clock.publishNanos()),
      prevSequence: cursor,
      bids: scratch.bids,
      asks: scratch.asks,
      mergedIntervals,
    });
    return { pieces: [delta], mergedIntervals };
  }

  #window(publishTimeUnixNanos: bigint) {
    const { sequence, checksum, state, sourceTimeLow, sourceTimeHigh } = this.#levels;
    return { sequence, checksum, state, sourceTimeLow, sourceTimeHigh, publishTimeUnixNanos };
  }

  #forgetEncoded(): void {
    for (const encoded of Object.values(this.#encoded)) encoded.clear();
  }
}

/** The present state's updates in one dialect. */
class EncodedUpdates {
  /** By cursor. Equal cursors have missed the same intervals, so they share all of the message. */
  readonly deltas = new Map<number, CatchUp>();
  snapshot: Uint8Array | undefined;
  heartbeat: Uint8Array | undefined;
  /** The time that is written in `heartbeat`. */
  heartbeatNanos = 0n;
  #deltaBytes = 0;

  keep(cursor: number, catchUp: CatchUp): void {
    if (this.deltas.size >= ENCODED_DELTAS_MAX || this.#deltaBytes >= ENCODED_BYTES_MAX) this.#clearDeltas();
    for (const { byteLength } of catchUp.pieces) this.#deltaBytes += byteLength;
    this.deltas.set(cursor, catchUp);
  }

  clear(): void {
    this.#clearDeltas();
    this.snapshot = undefined;
    this.heartbeat = undefined;
  }

  #clearDeltas(): void {
    this.deltas.clear();
    this.#deltaBytes = 0;
  }
}

/** Shared by all views: filled and encoded at once. */
const scratch = new DepthDelta();
