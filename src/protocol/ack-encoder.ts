import { putVarint32, putVarint53, putVarint64 } from "./wire-bytes.ts";
import { WireType } from "./wire-reader.ts";

/** What an IngestAckedResponse says. Numbers are safe integers, not negative. */
export interface IngestAck {
  readonly batchNumber: number;
  readonly acceptedEvents: number;
  readonly rejectedEvents: number;
  readonly duplicate: boolean;
  /** Encoded Rejection messages. */
  readonly rejections: readonly Uint8Array[];
  readonly epoch: bigint;
  readonly sequence: number;
}

/** Tags of IngestAckedResponse, and of its Position: field number << 3 | wire type. */
const Tag = {
  batchNumber: (1 << 3) | WireType.varint,
  acceptedEvents: (2 << 3) | WireType.varint,
  duplicate: (3 << 3) | WireType.varint,
  rejection: (4 << 3) | WireType.lengthDelimited,
  position: (5 << 3) | WireType.lengthDelimited,
  rejectedEvents: (6 << 3) | WireType.varint,
} as const;
const PositionTag = { epoch: (1 << 3) | WireType.varint, sequence: (2 << 3) | WireType.varint } as const;

/** Six tags, three numbers of 8 bytes, a bool, and the position: its length, two tags, 10 and 8 bytes. */
const BYTES_WITHOUT_REJECTIONS_MAX = 6 + 3 * 8 + 1 + 1 + 2 + 18;
/** In front of a rejection: its tag and its length. */
const REJECTION_HEADER_BYTES_MAX = 6;

/** Bytes that `putAck` needs at most. */
export function ackBytesMax({ rejections }: IngestAck): number {
  let byteLength = BYTES_WITHOUT_REJECTIONS_MAX;
  for (const rejection of rejections) byteLength += REJECTION_HEADER_BYTES_MAX + rejection.byteLength;
  return byteLength;
}

/** Writes an IngestAckedResponse at `at` and returns where it ended; room is the caller's care. */
export function putAck(bytes: Uint8Array, at: number, ack: IngestAck): number {
  at = putCount(bytes, at, Tag.batchNumber, ack.batchNumber);
  at = putCount(bytes, at, Tag.acceptedEvents, ack.acceptedEvents);
  if (ack.duplicate) at = putCount(bytes, at, Tag.duplicate, 1);
  for (const rejection of ack.rejections) {
    bytes[at] = Tag.rejection;
    at = putVarint32(bytes, at + 1, rejection.byteLength);
    bytes.set(rejection, at);
    at += rejection.byteLength;
  }
  at = putPosition(bytes, at, ack.epoch, ack.sequence);
  return putCount(bytes, at, Tag.rejectedEvents, ack.rejectedEvents);
}

/** The epoch of the last position, whose words are the same for all of a process. */
let epochBefore = 0n;
let epochLow = 0;
let epochHigh = 0;

function putPosition(bytes: Uint8Array, at: number, epoch: bigint, sequence: number): number {
  if (epoch !== epochBefore) {
    epochBefore = epoch;
    epochLow = Number(BigInt.asIntN(32, epoch));
    epochHigh = Number(BigInt.asIntN(32, epoch >> 32n));
  }
  bytes[at] = Tag.position;
  // Less than 128 bytes: its length is one byte, which is known behind it.
  const start = at + 2;
  let end = start;
  if (epoch !== 0n) {
    bytes[end] = PositionTag.epoch;
    end = putVarint64(bytes, end + 1, epochLow, epochHigh);
  }
  end = putCount(bytes, end, PositionTag.sequence, sequence);
  putVarint32(bytes, at + 1, end - start);
  return end;
}

/** A uint64 field, left out where it is 0. */
function putCount(bytes: Uint8Array, at: number, tag: number, value: number): number {
  if (value === 0) return at;
  bytes[at] = tag;
  return putVarint53(bytes, at + 1, value);
}
