import { toBinary } from "@bufbuild/protobuf";
import { ackBytesMax, type IngestAck, putAck } from "../../protocol/ack-encoder.ts";
import { RejectionSchema } from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import type { AnsweredBatch, AnswerSink } from "./batch-intake.ts";
import { GRPC_HEADER_BYTES, putGrpcHeader } from "./grpc-frames.ts";
import { listRejections } from "./ingest-summary.ts";
import type { ResponseStream } from "./response-stream.ts";

/** To begin with; what grew larger than the second is not kept. */
const ROOM_BYTES_MIN = 1024;
const ROOM_BYTES_KEPT = 64 * 1024;

/**
 * Writes the acknowledgements of an IngestAcked stream, in the order in which they are given. Those of one turn
 * of the event loop leave as one write, and so do those that come while a write is under way: an HTTP/2 write costs
 * more than what is in it. They are released once the client's window has taken them.
 */
export class AckWriter implements AnswerSink {
  onReleased: (count: number) => void = () => {};
  readonly #responses: ResponseStream;
  /** Acknowledgements that are not written yet. */
  #room = Buffer.allocUnsafeSlow(ROOM_BYTES_MIN);
  #bytes = 0;
  #count = 0;
  /** The room of the write that is under way, or that was. */
  #otherRoom = Buffer.allocUnsafeSlow(ROOM_BYTES_MIN);
  #writing = 0;
  #scheduled = false;

  constructor(responses: ResponseStream) {
    this.#responses = responses;
  }

  answer(batch: AnsweredBatch): void {
    const ack = ackOf(batch);
    this.#makeRoom(GRPC_HEADER_BYTES + ackBytesMax(ack));
    const start = this.#bytes;
    const end = putAck(this.#room, start + GRPC_HEADER_BYTES, ack);
    putGrpcHeader(this.#room, start, end - start - GRPC_HEADER_BYTES);
    this.#bytes = end;
    this.#count += 1;
    if (this.#scheduled || this.#writing > 0) return;
    this.#scheduled = true;
    process.nextTick(() => {
      this.#scheduled = false;
      if (this.#writing === 0) this.flush();
    });
  }

  /** Writes what was gathered, whatever is under way: the last call. */
  flush(): void {
    if (this.#count === 0) return;
    const gathered = this.#room;
    this.#responses.writeFramed(gathered.subarray(0, this.#bytes), this.#onWritten);
    this.#room = this.#otherRoom;
    this.#otherRoom = gathered;
    this.#writing += this.#count;
    this.#bytes = 0;
    this.#count = 0;
  }

  readonly #onWritten = (): void => {
    const count = this.#writing;
    this.#writing = 0;
    if (this.#otherRoom.length > ROOM_BYTES_KEPT) this.#otherRoom = Buffer.allocUnsafeSlow(ROOM_BYTES_MIN);
    this.flush();
    this.onReleased(count);
  };

  #makeRoom(byteLength: number): void {
    const needed = this.#bytes + byteLength;
    if (needed <= this.#room.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#room.length));
    this.#room.copy(larger, 0, 0, this.#bytes);
    this.#room = larger;
  }
}

function ackOf(batch: AnsweredBatch): IngestAck {
  const { number, outcome } = batch;
  return {
    batchNumber: number,
    acceptedEvents: outcome.acceptedEvents,
    rejectedEvents: outcome.rejectedEvents,
    duplicate: outcome.duplicate,
    rejections:
      outcome.rejections.length === 0
        ? NONE
        : listRejections(batch).map((rejection) => toBinary(RejectionSchema, rejection)),
    epoch: outcome.epoch,
    sequence: outcome.sequence,
  };
}

const NONE: readonly Uint8Array[] = [];
