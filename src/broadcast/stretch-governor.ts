import type { Clock } from "../clock.ts";
import { STRETCH_MAX } from "../limits.ts";

/** The span over which the share of time is taken. */
const WINDOW_MS = 1000;
/** Intervals shrink again only where twice the work would still be well within the budget. */
const RELAX_SHARE = 0.4;

/**
 * Watches how much of the thread's time flushing takes, and says by how much all intervals are to be
 * stretched so that it stays within its budget: 1, 2, 4, … up to STRETCH_MAX.
 */
export class StretchGovernor {
  readonly #clock: Clock;
  readonly #budget: number;
  readonly #onChange: (stretch: number) => void;
  #windowStartMs: number;
  #spentMs = 0;
  #stretch = 1;

  constructor(clock: Clock, budgetPercent: number, onChange: (stretch: number) => void) {
    this.#clock = clock;
    this.#budget = budgetPercent / 100;
    this.#onChange = onChange;
    this.#windowStartMs = clock.nowMs();
  }

  get stretch(): number {
    return this.#stretch;
  }

  /** A flush took this long. */
  spent(durationMs: number): void {
    this.#spentMs += durationMs;
    const windowMs = this.#clock.nowMs() - this.#windowStartMs;
    if (windowMs < WINDOW_MS) return;
    const share = this.#spentMs / windowMs;
    this.#windowStartMs += windowMs;
    this.#spentMs = 0;
    if (share > this.#budget) this.#set(Math.min(this.#stretch * 2, STRETCH_MAX));
    else if (share < this.#budget * RELAX_SHARE) this.#set(Math.max(this.#stretch / 2, 1));
  }

  #set(stretch: number): void {
    if (stretch === this.#stretch) return;
    this.#stretch = stretch;
    this.#onChange(stretch);
  }
}
