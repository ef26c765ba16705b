import type { Depth } from "../book/depth.ts";

/** Where the broadcaster and the snapshot reader get depth: this thread's side of the depth board. */
export interface DepthSource {
  /** Copies the newest state, at most `levels` a side, into `into`. False = the instrument is not on the board yet. */
  read(instrument: number, levels: number, into: Depth): boolean;
  /** The newest sequence, without its levels. */
  sequence(instrument: number): number;
  /**
   * Makes the board hold at least `levels` levels of an instrument until `release`.
   *
   * @throws DepthcastError `resource_exhausted` over the board's budget.
   */
  claim(instrument: number, levels: number): Promise<void>;
  release(instrument: number, levels: number): void;
  /** Calls back for each instrument that changed, once a wake-up, then `woken` once. */
  listen(listener: DepthListener): void;
}

export interface DepthListener {
  changed(instrument: number): void;
  woken(): void;
}
