import { addChecksum } from "../book/checksum.ts";
import { BookState } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";
import { Side } from "../book/order-events.ts";
import { NoticeCode } from "../protocol/update-encoder.ts";
import { BookSide } from "./book-side.ts";
import type {
  BookPosition,
  BookUpdate,
  DeltaUpdate,
  HeartbeatUpdate,
  PriceLevel,
  SnapshotUpdate,
  SubscribedUpdate,
} from "./market-update.ts";

/**
 * Where a book stands:
 * - `awaiting_snapshot`: subscribed, or told to resync; what it holds, if anything, is old.
 * - `live`: exactly the best levels at `position`.
 * - `broken`: a check failed. Only a new subscription (or a Snapshot) mends it; deltas are skipped.
 */
export type BookPhase = "awaiting_snapshot" | "live" | "broken";

/** What was wrong with an update. */
export const Breach = {
  /** The chain has a hole: `prevSequence` is not the sequence that the book has, or there was no Snapshot. */
  gap: "gap",
  /** The sequence did not rise, or the epoch changed within the chain. */
  order: "order",
  /** The checksum of the levels is not the one that was sent. */
  checksum: "checksum",
  /** More levels a side than subscribed, a Snapshot that is not best first, or a state that is not the levels'. */
  window: "window",
  /** It cannot be read. */
  malformed: "malformed",
} as const;
export type Breach = (typeof Breach)[keyof typeof Breach];

/** What became of an update: it was applied, it was skipped (a broken book waits), or it broke the book. */
export type ApplyVerdict =
  | { readonly outcome: "applied" }
  | { readonly outcome: "skipped" }
  | { readonly outcome: "breach"; readonly breach: Breach; readonly detail: string };

const APPLIED: ApplyVerdict = { outcome: "applied" };
const SKIPPED: ApplyVerdict = { outcome: "skipped" };

/**
 * The best levels of one view, kept from its updates, with every check that the protocol allows. It never
 * truncates: levels leave only when the server says so. Made by the `Subscribed` of its view.
 */
export class ClientBook {
  readonly #bids = new BookSide(Side.bid);
  readonly #asks = new BookSide(Side.ask);
  #subscribed: SubscribedUpdate;
  #phase: BookPhase = "awaiting_snapshot";
  #position: BookPosition | undefined;
  #exactSequence = 0;
  #state: BookState = BookState.open;
  #sourceTimeUnixNanos = 0n;
  #publishTimeUnixNanos = 0n;
  #mergedIntervals = 0;

  constructor(subscribed: SubscribedUpdate) {
    this.#subscribed = subscribed;
  }

  get viewId(): number {
    return this.#subscribed.viewId;
  }
  get symbol(): string {
    return this.#subscribed.symbol;
  }
  get instrument(): Instrument {
    return this.#subscribed.instrument;
  }
  /** The most levels a side. */
  get depth(): number {
    return this.#subscribed.depth;
  }
  get intervalMs(): number {
    return this.#subscribed.intervalMs;
  }
  /** After as long with nothing else the server sends a heartbeat. */
  get heartbeatIntervalMs(): number {
    return this.#subscribed.heartbeatIntervalMs;
  }
  get phase(): BookPhase {
    return this.#phase;
  }
  /** Best (highest) first. Live: copy what is to be kept. */
  get bids(): readonly PriceLevel[] {
    return this.#bids.levels;
  }
  /** Best (lowest) first. Live: copy what is to be kept. */
  get asks(): readonly PriceLevel[] {
    return this.#asks.levels;
  }
  get bestBid(): PriceLevel | undefined {
    return this.#bids.levels[0];
  }
  get bestAsk(): PriceLevel | undefined {
    return this.#asks.levels[0];
  }
  /** Best ask minus best bid, a price mantissa; undefined while a side is empty. Negative when crossed. */
  get spread(): number | undefined {
    const { bestBid, bestAsk } = this;
    return bestBid === undefined || bestAsk === undefined ? undefined : bestAsk.price - bestBid.price;
  }
  /** How best bid and best ask of the server's book stand to each other. */
  get state(): BookState {
    return this.#state;
  }
  /** The chain's newest place: what to give as `resume`. Undefined before the first Snapshot. */
  get position(): BookPosition | undefined {
    return this.#position;
  }
  /** The book is exact up to this sequence: that of `position`, or what a Heartbeat told since. */
  get exactSequence(): number {
    return this.#exactSequence;
  }
  /** Over the levels that are here, a uint32. */
  get checksum(): number {
    return addChecksum(this.#bids.checksum, this.#asks.checksum);
  }
  /** The source's time of the newest batch in the book; 0 = unknown. */
  get sourceTimeUnixNanos(): bigint {
    return this.#sourceTimeUnixNanos;
  }
  get publishTimeUnixNanos(): bigint {
    return this.#publishTimeUnixNanos;
  }
  /** Intervals that the newest delta folded in; 0 after a Snapshot. */
  get mergedIntervals(): number {
    return this.#mergedIntervals;
  }

  /** Takes the next update of the view, in the order in which they came. */
  apply(update: BookUpdate): ApplyVerdict {
    switch (update.type) {
      case "subscribed":
        return this.#applySubscribed(update);
      case "snapshot":
        return this.#applySnapshot(update);
      case "delta":
        return this.#applyDelta(update);
      case "heartbeat":
        return this.#applyHeartbeat(update);
      case "notice":
        if (update.code === NoticeCode.resync) this.#phase = "awaiting_snapshot";
        return APPLIED;
    }
  }

  #applySubscribed(update: SubscribedUpdate): ApplyVerdict {
    this.#subscribed = update;
    if (!update.resumed) {
      this.#phase = "awaiting_snapshot";
      return APPLIED;
    }
    if (this.#position === undefined || this.#phase === "broken") {
      return this.#break(Breach.gap, "the server resumed a position that this book does not have");
    }
    this.#phase = "live";
    return APPLIED;
  }

  #applySnapshot(update: SnapshotUpdate): ApplyVerdict {
    const ordered = this.#bids.replace(update.bids) && this.#asks.replace(update.asks);
    this.#position = { epoch: update.epoch, sequence: update.sequence };
    this.#takeWindow(update, 0);
    if (!ordered) return this.#break(Breach.window, "the snapshot's levels are not best first");
    return this.#check(update);
  }

  #applyDelta(update: DeltaUpdate): ApplyVerdict {
    const position = this.#position;
    if (this.#phase === "broken") return SKIPPED;
    if (this.#phase === "awaiting_snapshot" || position === undefined) {
      return this.#break(Breach.gap, "a delta came before the snapshot");
    }
    if (update.prevSequence !== position.sequence) {
      return this.#break(
        Breach.gap,
        `the delta follows sequence ${update.prevSequence}, the book has ${position.sequence}`,
      );
    }
    if (update.sequence <= position.sequence) {
      return this.#break(Breach.order, `sequence ${update.sequence} does not rise from ${position.sequence}`);
    }
    for (const level of update.bids) this.#bids.set(level);
    for (const level of update.asks) this.#asks.set(level);
    this.#position = { epoch: position.epoch, sequence: update.sequence };
    this.#takeWindow(update, update.mergedIntervals);
    return this.#check(update);
  }

  #applyHeartbeat(update: HeartbeatUpdate): ApplyVerdict {
    const position = this.#position;
    if (this.#phase !== "live" || position === undefined) return SKIPPED;
    if (update.epoch !== position.epoch) {
      return this.#break(
        Breach.order,
        `a heartbeat of epoch ${update.epoch} in a chain of ${position.epoch}`,
      );
    }
    if (update.sequence < this.#exactSequence) {
      return this.#break(
        Breach.order,
        `a heartbeat at sequence ${update.sequence}, behind ${this.#exactSequence}`,
      );
    }
    this.#exactSequence = update.sequence;
    this.#publishTimeUnixNanos = update.publishTimeUnixNanos;
    return APPLIED;
  }

  #takeWindow(update: SnapshotUpdate | DeltaUpdate, mergedIntervals: number): void {
    this.#phase = "live";
    this.#exactSequence = update.sequence;
    this.#state = update.state;
    this.#sourceTimeUnixNanos = update.sourceTimeUnixNanos;
    this.#publishTimeUnixNanos = update.publishTimeUnixNanos;
    this.#mergedIntervals = mergedIntervals;
  }

  #check(update: SnapshotUpdate | DeltaUpdate): ApplyVerdict {
    if (this.checksum !== update.checksum) {
      return this.#break(
        Breach.checksum,
        `the levels give checksum ${this.checksum}, the server says ${update.checksum}`,
      );
    }
    if (this.bids.length > this.depth || this.asks.length > this.depth) {
      return this.#break(Breach.window, `more than the ${this.depth} levels a side that were subscribed`);
    }
    if (stateOfSpread(this.spread) !== update.state) {
      return this.#break(Breach.window, "the state sent is not that of the best bid and ask");
    }
    return APPLIED;
  }

  #break(breach: Breach, detail: string): ApplyVerdict {
    this.#phase = "broken";
    return { outcome: "breach", breach, detail };
  }
}

function stateOfSpread(spread: number | undefined): BookState {
  if (spread === undefined || spread > 0) return BookState.open;
  return spread === 0 ? BookState.locked : BookState.crossed;
}
