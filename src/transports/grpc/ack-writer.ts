import { create, toBinary } from "@bufbuild/protobuf";
import { IngestAckedResponseSchema } from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import type { AnsweredBatch } from "./batch-intake.ts";
import { listRejections } from "./ingest-summary.ts";
import type { ResponseStream } from "./response-stream.ts";
import { asBuffer } from "./service-adapter.ts";

/** Writes the acknowledgements of an IngestAcked stream, in the order in which they are given. */
export class AckWriter {
  readonly #responses: ResponseStream;

  constructor(responses: ResponseStream) {
    this.#responses = responses;
  }

  /** `written` is called when the client's window has taken the acknowledgement. */
  write(batch: AnsweredBatch, written: () => void): void {
    this.#responses.write(encodeAck(batch), written);
  }
}

function encodeAck(batch: AnsweredBatch): Buffer {
  const { number, outcome } = batch;
  const ack = create(IngestAckedResponseSchema, {
    batchNumber: BigInt(number),
    acceptedEvents: BigInt(outcome.acceptedEvents),
    rejectedEvents: BigInt(outcome.rejectedEvents),
    duplicate: outcome.duplicate,
    rejections: listRejections(batch),
    position: { epoch: outcome.epoch, sequence: BigInt(outcome.sequence) },
  });
  return asBuffer(toBinary(IngestAckedResponseSchema, ack));
}
