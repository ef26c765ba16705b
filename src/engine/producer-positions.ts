import { invariant } from "../errors.ts";
import type { ProducerPosition } from "../log/snapshot/snapshot.ts";

/** What the sequencer says of a batch with a producer's number. */
export const BatchVerdict = {
  apply: "apply",
  /** The number had been applied before. */
  duplicate: "duplicate",
  /** A number is missing before it, or there is no room for another producer: nothing is done. */
  refuse: "refuse",
} as const;
export type BatchVerdict = (typeof BatchVerdict)[keyof typeof BatchVerdict];

/**
 * The last batch number applied for each producer. Judged in log order by the one sequencer, so that the
 * verdict on every batch is the same on every node and after every restart.
 */
export class ProducerPositions {
  readonly #last = new Map<string, number>();
  #producersMax: number;

  constructor(producersMax: number) {
    this.#producersMax = producersMax;
  }

  setCapacity(producersMax: number): void {
    this.#producersMax = producersMax;
  }

  /** How many producers have a position. */
  get size(): number {
    return this.#last.size;
  }

  /** 0 = none. */
  last(producerId: string): number {
    return this.#last.get(producerId) ?? 0;
  }

  hasRoomFor(producerId: string): boolean {
    return this.#last.has(producerId) || this.#last.size < this.#producersMax;
  }

  /** Judges the next batch of the log and, where it is to be applied, takes its number. */
  judge(producerId: string, batchNumber: number): BatchVerdict {
    const last = this.last(producerId);
    if (batchNumber <= last) return BatchVerdict.duplicate;
    if (batchNumber !== last + 1 || !this.hasRoomFor(producerId)) return BatchVerdict.refuse;
    this.#last.set(producerId, batchNumber);
    return BatchVerdict.apply;
  }

  /** All positions, in no particular order: sorting ten thousand would hold up the thread. */
  positions(): readonly ProducerPosition[] {
    return [...this.#last];
  }

  /** Takes up what `positions` told. */
  restore(positions: readonly ProducerPosition[]): void {
    invariant(this.#last.size === 0, "positions are restored at the beginning");
    for (const [producerId, lastBatchNumber] of positions) this.#last.set(producerId, lastBatchNumber);
  }
}
