import { invariant } from "../errors.ts";
import { addChecksum } from "./checksum.ts";
import type { DepthDelta } from "./depth-delta.ts";
import { DepthViewSide } from "./depth-view-side.ts";
import { BookState, type Depth, type DepthSide } from "./depth.ts";
import { KnownStates } from "./known-states.ts";
import { Side } from "./order-events.ts";

/** Removed prices that a side of a view remembers: so many, or so many times its depth if that is more. */
const TOMBSTONES_MIN = 256;
const TOMBSTONES_PER_LEVEL = 4;
/** States that a view knows a returning consumer by: so many, or its depth if that is more. */
const STATES_MIN = 256;

export interface DepthViewOptions {
  /** Removed prices remembered on each side. Default max(256, 4 × depth). */
  readonly tombstonesMax?: number;
  /** States that a consumer can resume from. Default max(256, depth). */
  readonly statesMax?: number;
}

/**
 * The best `depth` levels of a book as consumers see them, each with the sequence at which it last changed,
 * and tombstones of the prices that have left. From these comes the delta from any earlier state to now, so
 * that nothing but a sequence is kept for a consumer (its cursor).
 *
 * A depth of 20 takes 2 KB at first and 7 KB where all has grown. One thread owns a view; it holds no
 * clock and no I/O.
 */
export class DepthView {
  readonly depth: number;
  readonly #bids: DepthViewSide;
  readonly #asks: DepthViewSide;
  readonly #states: KnownStates;
  #initialized = false;
  #firstSequence = 0;
  #sequence = 0;
  #state: BookState = BookState.open;
  #sourceTimeLow = 0;
  #sourceTimeHigh = 0;
  #changes = 0;

  constructor(depth: number, options: DepthViewOptions = {}) {
    invariant(Number.isSafeInteger(depth) && depth > 0, "a view has a depth");
    const tombstonesMax = options.tombstonesMax ?? Math.max(TOMBSTONES_MIN, TOMBSTONES_PER_LEVEL * depth);
    this.depth = depth;
    this.#bids = new DepthViewSide(Side.bid, depth, tombstonesMax);
    this.#asks = new DepthViewSide(Side.ask, depth, tombstonesMax);
    this.#states = new KnownStates(options.statesMax ?? Math.max(STATES_MIN, depth));
  }

  /** Whether it has been refreshed at least once, so that the rest has a meaning. */
  get initialized(): boolean {
    return this.#initialized;
  }

  /** The sequence of the last refresh; like the others below, it may have risen with nothing visible. */
  get sequence(): number {
    return this.#sequence;
  }

  get state(): BookState {
    return this.#state;
  }

  get sourceTimeLow(): number {
    return this.#sourceTimeLow;
  }

  get sourceTimeHigh(): number {
    return this.#sourceTimeHigh;
  }

  /** Over the levels of the view (PROTOCOL section 4, item 6), a uint32. */
  get checksum(): number {
    return addChecksum(this.#bids.checksum, this.#asks.checksum);
  }

  /** How many refreshes so far changed something that a consumer sees, the first one included. */
  get changes(): number {
    return this.#changes;
  }

  /** The levels now, for a snapshot. Good until the next refresh, which may replace the columns. */
  get bids(): Readonly<DepthSide> {
    return this.#bids;
  }

  get asks(): Readonly<DepthSide> {
    return this.#asks;
  }

  /** Bytes held, for the budget of views. Grows with use, within bounds. */
  get bytes(): number {
    return this.#bids.bytes + this.#asks.bytes + this.#states.bytes;
  }

  /**
   * Takes over a newer state of the book; of `newest` only the first `depth` levels count. Returns whether a
   * consumer would see a difference: a price, a quantity or an order count. The book's state needs no look
   * of its own: it follows from the best prices, which are in the view. Nothing happens at the sequence
   * that the view already has. O(depth), and nothing is allocated but for growing.
   */
  refresh(newest: Depth): boolean {
    const { sequence } = newest;
    if (this.#initialized && sequence === this.#sequence) return false;
    invariant(sequence >= this.#sequence, "the sequence of a view never goes back");
    const bidsChanged = this.#bids.refresh(newest.bids, sequence);
    const asksChanged = this.#asks.refresh(newest.asks, sequence);
    const changed = bidsChanged || asksChanged || !this.#initialized;
    if (!this.#initialized) this.#firstSequence = sequence;
    this.#initialized = true;
    this.#sequence = sequence;
    this.#state = newest.state;
    this.#sourceTimeLow = newest.sourceTimeLow;
    this.#sourceTimeHigh = newest.sourceTimeHigh;
    if (changed) this.#changes += 1;
    this.#states.remember(sequence, this.#changes);
    return changed;
  }

  /** Whether a consumer that holds the state at exactly `sequence` can go on from there with a delta. */
  knows(sequence: number): boolean {
    return sequence >= this.#floor && this.#states.has(sequence);
  }

  /**
   * `changes` as it was at `sequence`, a state of this view. Where that is remembered no more it is the value
   * at the oldest state that is, so that what was merged since is counted too low rather than too high.
   */
  changesAt(sequence: number): number {
    return this.#states.changesAt(sequence);
  }

  /**
   * Fills `into` with all that has changed since `since`, which must be a state that this view was in: for
   * a consumer that holds that state, exactly what makes it hold this one. Returns false, with `into`
   * emptied, where removals since then have been given up: the consumer needs a snapshot.
   */
  collectDelta(since: number, into: DepthDelta): boolean {
    into.bids.length = 0;
    into.asks.length = 0;
    if (!this.#initialized || since < this.#floor || since > this.#sequence) return false;
    this.#bids.tombstones.collect(since, into.bids);
    this.#bids.collect(since, into.bids);
    this.#asks.tombstones.collect(since, into.asks);
    this.#asks.collect(since, into.asks);
    return true;
  }

  /** Every removal after this sequence is still a tombstone. */
  get #floor(): number {
    return Math.max(this.#firstSequence, this.#bids.tombstones.floor, this.#asks.tombstones.floor);
  }
}
