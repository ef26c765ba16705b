import type { RejectRule } from "../book/rejection.ts";

/** A refusal as the answers list it. */
export interface ListedRejection {
  readonly eventIndex: number;
  readonly rule: RejectRule;
}

/** What became of a batch that is durable and applied. */
export interface BatchOutcome {
  readonly acceptedEvents: number;
  readonly rejectedEvents: number;
  /** The number had been applied before; nothing was done, and both counts are 0. */
  readonly duplicate: boolean;
  /** The first refusals of the batch. */
  readonly rejections: readonly ListedRejection[];
  /** The symbol's position after the batch (of a duplicate: the newest one). */
  readonly epoch: bigint;
  readonly sequence: number;
}
