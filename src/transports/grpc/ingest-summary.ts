import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { rejectDetail, rejectReason } from "../../book/rejection.ts";
import { REJECTIONS_LISTED_MAX } from "../../limits.ts";
import {
  type IngestResponseSchema,
  type Rejection,
  RejectionSchema,
} from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import type { AnsweredBatch, AnswerSink } from "./batch-intake.ts";

/** The refusals of a batch as the wire shows them. */
export function listRejections({ symbol, number, outcome }: AnsweredBatch): Rejection[] {
  return outcome.rejections.slice(0, REJECTIONS_LISTED_MAX).map(({ eventIndex, rule }) =>
    create(RejectionSchema, {
      symbol,
      batchNumber: BigInt(number),
      eventIndex,
      reason: rejectReason(rule),
      detail: rejectDetail(rule),
    }),
  );
}

/** The sum of a whole Ingest stream. Its size is bounded by the instruments and the refusals listed. */
export class IngestSummary implements AnswerSink {
  onReleased: (count: number) => void = () => {};
  #acceptedEvents = 0;
  #rejectedEvents = 0;
  #duplicateBatches = 0;
  readonly #rejections: Rejection[] = [];
  readonly #positions = new Map<string, { epoch: bigint; sequence: number }>();

  answer(batch: AnsweredBatch): void {
    const { symbol, outcome } = batch;
    this.#acceptedEvents += outcome.acceptedEvents;
    this.#rejectedEvents += outcome.rejectedEvents;
    if (outcome.duplicate) this.#duplicateBatches += 1;
    this.#positions.set(symbol, { epoch: outcome.epoch, sequence: outcome.sequence });
    const room = REJECTIONS_LISTED_MAX - this.#rejections.length;
    if (room > 0 && outcome.rejections.length > 0) {
      this.#rejections.push(...listRejections(batch).slice(0, room));
    }
    this.onReleased(1);
  }

  response(): MessageInitShape<typeof IngestResponseSchema> {
    return {
      acceptedEvents: BigInt(this.#acceptedEvents),
      rejectedEvents: BigInt(this.#rejectedEvents),
      duplicateBatches: BigInt(this.#duplicateBatches),
      rejections: this.#rejections,
      positions: [...this.#positions].map(([symbol, { epoch, sequence }]) => ({
        symbol,
        position: { epoch, sequence: BigInt(sequence) },
      })),
    };
  }
}
