import type { Instrument } from "../book/instrument.ts";
import type { DepthcastError } from "../errors.ts";
import type { BatchOutcome } from "./ingest-batch.ts";

/** A batch as its log record, with what is to be judged before it is logged. */
export interface EncodedBatch {
  /** `encodeBatchRecord`; the instrument number in it is filled in when the batch gets its place. */
  readonly record: ArrayBuffer;
  readonly symbol: string;
  /** Empty = not checked. */
  readonly producerId: string;
  /** 0 without a producer. Infinity where the number on the wire is over 2^53 − 1. */
  readonly batchNumber: number;
}

/**
 * The way into the order log, as a transport sees it. Message-shaped, so that a gateway thread can have
 * one that talks to the sequencer's thread.
 */
export interface IngestPort {
  /** A stream of batches begins. `onEnded` is called at most once, when the server ends the stream. */
  openStream(onEnded: (reason: DepthcastError) => void): IngestStream;
  /**
   * Creates or changes an instrument; resolves with the definition in force.
   *
   * @throws DepthcastError `failed_precondition`, `resource_exhausted`, `unavailable`.
   */
  define(instrument: Instrument): Promise<Instrument>;
  /** The last batch number applied for a producer, once all received from it before has been judged; 0 = none. */
  producerPosition(producerId: string): Promise<number>;
}

/** One producer's stream. Batches are given in the order in which they came. */
export interface IngestStream {
  /**
   * Resolves when there is room for `byteLength` more bytes over all streams, or when the stream has ended;
   * undefined = there is room now. Ask before each `submit`, and read nothing further until then: that is how
   * ingest is slowed. Submit without delay then, as all streams share the room.
   */
  room(byteLength: number): Promise<void> | undefined;
  /**
   * Gives a batch its place. The outcome resolves when the batch is durable and applied, in order;
   * it rejects (`unavailable`) where it could not be made durable. Errors do not name the batch: the
   * transport knows its place in the stream.
   *
   * @throws DepthcastError at once, and the batch takes no number, for what ends a stream: `not_found`
   *   (symbol), `failed_precondition` (gap; metadata `expected`), `invalid_argument` (number without
   *   producer or the reverse, a limit), `resource_exhausted` (producers), `aborted` (replaced).
   */
  submit(batch: EncodedBatch): Promise<BatchOutcome>;
  /** The stream has ended. Batches in flight stay. Idempotent. */
  close(): void;
}
