import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { RejectReason } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { ackBytesMax, putAck } from "../../src/protocol/ack-encoder.ts";
import { IngestAckedResponseSchema, RejectionSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const rejection = fc.record({
  symbol: fc.string({ maxLength: 32 }),
  batchNumber: fc.maxSafeNat().map(BigInt),
  eventIndex: fc.nat(),
  reason: fc.constantFrom(RejectReason.UNSPECIFIED, RejectReason.DUPLICATE_ORDER, RejectReason.CAPACITY),
  detail: fc.string({ maxLength: 300 }),
});
const ack = fc.record({
  batchNumber: count,
  acceptedEvents: count,
  rejectedEvents: count,
  duplicate: fc.boolean(),
  rejections: fc.array(rejection, { maxLength: 5 }),
  epoch: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  sequence: count,
});

it("writes the bytes that protobuf-es writes, and no more than it said", () => {
  fc.assert(
    fc.property(ack, fc.nat(40), (content, at) => {
      const { batchNumber, acceptedEvents, rejectedEvents, duplicate, epoch, sequence } = content;
      const rejections = content.rejections.map((init) => create(RejectionSchema, init));
      const expected = toBinary(
        IngestAckedResponseSchema,
        create(IngestAckedResponseSchema, {
          batchNumber: BigInt(batchNumber),
          acceptedEvents: BigInt(acceptedEvents),
          rejectedEvents: BigInt(rejectedEvents),
          duplicate,
          rejections,
          position: { epoch, sequence: BigInt(sequence) },
        }),
      );
      const encoded = rejections.map((message) => toBinary(RejectionSchema, message));
      const own = {
        batchNumber,
        acceptedEvents,
        rejectedEvents,
        duplicate,
        epoch,
        sequence,
        rejections: encoded,
      };
      const bytes = new Uint8Array(at + ackBytesMax(own));
      const end = putAck(bytes, at, own);
      expect(Buffer.from(bytes.subarray(at, end))).toEqual(Buffer.from(expected));
    }),
  );
});
