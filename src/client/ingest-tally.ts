import type { RejectReason } from "../book/rejection.ts";
import type { IngestAckedResponse } from "../protocol/gen/depthcast/v1/ingest_pb.ts";

/** What became of everything sent so far. */
export interface IngestTotals {
  readonly acceptedEvents: number;
  readonly rejectedEvents: number;
  readonly duplicateBatches: number;
  /** Refused events by reason. The server lists the first 100 of a batch; the others are `unlisted`. */
  readonly rejectedByReason: ReadonlyMap<RejectReason | "unlisted", number>;
}

/** Adds up acknowledgements. */
export class IngestTally {
  readonly #rejectedByReason = new Map<RejectReason | "unlisted", number>();
  #acceptedEvents = 0;
  #rejectedEvents = 0;
  #duplicateBatches = 0;

  get totals(): IngestTotals {
    return {
      acceptedEvents: this.#acceptedEvents,
      rejectedEvents: this.#rejectedEvents,
      duplicateBatches: this.#duplicateBatches,
      rejectedByReason: this.#rejectedByReason,
    };
  }

  add({ acceptedEvents, rejectedEvents, duplicate, rejections }: IngestAckedResponse): void {
    this.#acceptedEvents += Number(acceptedEvents);
    this.#rejectedEvents += Number(rejectedEvents);
    if (duplicate) this.#duplicateBatches += 1;
    for (const { reason } of rejections) this.#count(reason as RejectReason, 1);
    const unlisted = Number(rejectedEvents) - rejections.length;
    if (unlisted > 0) this.#count("unlisted", unlisted);
  }

  #count(reason: RejectReason | "unlisted", events: number): void {
    this.#rejectedByReason.set(reason, (this.#rejectedByReason.get(reason) ?? 0) + events);
  }
}
