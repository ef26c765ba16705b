import type { Clock, Timer } from "../clock.ts";
import type { IntervalMs } from "../limits.ts";
import type { View } from "./view.ts";

/** Timers of the machine may run this much early. */
const EARLY_MS = 1;
/** A tick that is later than this share of the interval is none: the next is a whole interval after it. */
const LATE_SHARE = 0.25;
/** The interval that `interval_ms` 0 becomes at the first step of stretching. */
const ZERO_STRETCHED_MS = 5;

/**
 * Decides when a view is flushed. A change in a quiet view is due at once; the next no sooner than its
 * interval later. Views of one interval share a grid of ticks, so that a client's updates of many symbols
 * fall into one flush: the first flush in a quiet group sets the grid, later ones keep to it. A group is quiet
 * when none of its views waits and none was flushed for an interval: then nobody is kept waiting for a tick.
 */
export class Pacer {
  readonly #clock: Clock;
  readonly #flush: (views: readonly View[]) => void;
  readonly #groups = new Map<IntervalMs, IntervalGroup>();
  #due: View[] = [];
  #stretch = 1;

  /** `flush` is called with the views of one flush; those that sent something are told to `flushed`. */
  constructor(clock: Clock, flush: (views: readonly View[]) => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  /** Stretches all intervals alike; 1 = as asked for. */
  setStretch(stretch: number): void {
    this.#stretch = stretch;
  }

  /** A view has changed: due at `flushDue`, or at its next tick. */
  request(view: View, nowMs: number): void {
    const group = this.#group(view.intervalMs);
    view.nextFlushMs = group.dueMs(view.nextFlushMs, nowMs, this.#effectiveMs(view.intervalMs));
    if (view.nextFlushMs <= nowMs) this.#due.push(view);
    else group.wait(view);
  }

  /** Flushes what is due now, as one flush. */
  flushDue(): void {
    if (this.#due.length === 0) return;
    const views = this.#due;
    this.#due = [];
    this.#flush(views);
  }

  /** The view has sent a change at `nowMs`: sets when the next may leave. */
  flushed(view: View, nowMs: number): void {
    const intervalMs = this.#effectiveMs(view.intervalMs);
    view.nextFlushMs = this.#group(view.intervalMs).flushed(view.nextFlushMs, nowMs, intervalMs);
  }

  forget(view: View): void {
    this.#groups.get(view.intervalMs)?.forget(view);
  }

  stop(): void {
    for (const group of this.#groups.values()) group.stop();
    this.#due = [];
  }

  #effectiveMs(intervalMs: IntervalMs): number {
    if (this.#stretch === 1) return intervalMs;
    return intervalMs === 0 ? (ZERO_STRETCHED_MS * this.#stretch) / 2 : intervalMs * this.#stretch;
  }

  #group(intervalMs: IntervalMs): IntervalGroup {
    let group = this.#groups.get(intervalMs);
    if (group === undefined) {
      group = new IntervalGroup(this.#clock, (views) => this.#flush(views));
      this.#groups.set(intervalMs, group);
    }
    return group;
  }
}

/** The views of one interval and their common ticks. */
class IntervalGroup {
  readonly #clock: Clock;
  readonly #flush: (views: readonly View[]) => void;
  readonly #waiting = new Set<View>();
  /** A tick of the grid. */
  #anchorMs = 0;
  /** When one of its views was last flushed. */
  #flushedMs = -Infinity;
  #timer: Timer | undefined;
  #timerMs = Infinity;
  /** What is flushed now was waiting for a tick. */
  #ticking = false;

  constructor(clock: Clock, flush: (views: readonly View[]) => void) {
    this.#clock = clock;
    this.#flush = flush;
  }

  /**
   * When a view that has changed at `nowMs`, and may not be flushed before `earliestMs`, is due: found when
   * it changes and not when it was flushed, as the grid may have been set anew since.
   */
  dueMs(earliestMs: number, nowMs: number, intervalMs: number): number {
    if (intervalMs === 0 || this.#isQuiet(nowMs, intervalMs)) return nowMs;
    const ticks = Math.ceil((earliestMs - this.#anchorMs) / intervalMs - 1e-6);
    return this.#anchorMs + ticks * intervalMs;
  }

  wait(view: View): void {
    this.#waiting.add(view);
    if (view.nextFlushMs < this.#timerMs) this.#setTimer(view.nextFlushMs);
  }

  forget(view: View): void {
    this.#waiting.delete(view);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#waiting.clear();
  }

  /** From when on a view that was flushed at `nowMs`, and was due at `dueMs`, may be flushed again. */
  flushed(dueMs: number, nowMs: number, intervalMs: number): number {
    const isLate = this.#ticking && nowMs - dueMs > intervalMs * LATE_SHARE;
    const isLeading = !this.#ticking && this.#isQuiet(nowMs, intervalMs);
    if (isLate || isLeading) this.#anchorMs = nowMs;
    this.#flushedMs = nowMs;
    // A tick that came a little late counts as the tick that it was, so that lateness does not add up. After
    // a leading edge the next tick is a whole interval away at least.
    const onTick = this.#ticking && !isLate;
    return (onTick ? dueMs : nowMs) + intervalMs;
  }

  /** Whether the grid is of no use to anybody, so that a change may leave at once and set it anew. */
  #isQuiet(nowMs: number, intervalMs: number): boolean {
    return this.#waiting.size === 0 && this.#flushedMs <= nowMs - intervalMs;
  }

  #setTimer(atMs: number): void {
    this.#timer?.cancel();
    this.#timerMs = atMs;
    this.#timer = this.#clock.setTimer(Math.max(0, atMs - this.#clock.nowMs()), () => this.#tick());
  }

  #tick(): void {
    this.#timerMs = Infinity;
    const nowMs = this.#clock.nowMs() + EARLY_MS;
    const due: View[] = [];
    let nextMs = Infinity;
    for (const view of this.#waiting) {
      if (view.nextFlushMs <= nowMs) due.push(view);
      else nextMs = Math.min(nextMs, view.nextFlushMs);
    }
    for (const view of due) this.#waiting.delete(view);
    this.#ticking = true;
    if (due.length > 0) this.#flush(due);
    this.#ticking = false;
    // The flush may have set a timer of its own for views that wait again.
    if (nextMs < this.#timerMs) this.#setTimer(nextMs);
  }
}
