import { LevelColumns } from "./level-columns.ts";

/**
 * The changes of a view since some sequence. Made once and filled again and again: its columns grow to the
 * largest delta that was asked for and stay.
 */
export class DepthDelta {
  /** Removed prices first (quantity and order count 0), then changed levels, each best first. */
  readonly bids = new LevelColumns();
  readonly asks = new LevelColumns();

  /** Whether nothing has changed. */
  get isEmpty(): boolean {
    return this.bids.length === 0 && this.asks.length === 0;
  }
}
