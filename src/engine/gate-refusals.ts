import { DepthcastError, ErrorCode } from "../errors.ts";
import { DEFINITIONS_IN_FLIGHT_MAX } from "../limits.ts";
import type { EncodedBatch } from "./ingest-port.ts";

/** What the ingest gate refuses with. */

export function goingAway(): DepthcastError {
  return new DepthcastError(ErrorCode.unavailable, "the server is going away: reconnect and resume");
}

export function unknownSymbol({ symbol }: EncodedBatch): DepthcastError {
  return new DepthcastError(
    ErrorCode.notFound,
    `unknown symbol "${symbol}"; define it first (DefineInstrument)`,
    { field: "symbol", reason: "UNKNOWN_SYMBOL" },
  );
}

export function gap({ producerId }: EncodedBatch, expected: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `expected batch_number ${expected} of producer "${producerId}"`,
    { field: "batch_number", reason: "BATCH_NUMBER_GAP", metadata: { expected: String(expected) } },
  );
}

export function numberWithoutProducer(): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, "batch_number must be 0 without a producer_id", {
    field: "batch_number",
  });
}

export function producerWithoutNumber({ producerId }: EncodedBatch): DepthcastError {
  return new DepthcastError(
    ErrorCode.invalidArgument,
    `batch_number of producer "${producerId}" must start at 1 and rise by 1`,
    { field: "batch_number" },
  );
}

export function tooManyDefinitions(): DepthcastError {
  return new DepthcastError(
    ErrorCode.resourceExhausted,
    `too many definitions at once: at most ${DEFINITIONS_IN_FLIGHT_MAX} wait for the order log; send it again later`,
    { reason: "DEFINITIONS_IN_FLIGHT_MAX", metadata: { limit: String(DEFINITIONS_IN_FLIGHT_MAX) } },
  );
}

export function tooManyProducers(limit: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.resourceExhausted,
    `too many producers: at most ${limit} (producersMax)`,
    {
      field: "producer_id",
      reason: "PRODUCERS_MAX",
      metadata: { limit: String(limit) },
    },
  );
}

export function replaced(producerId: string): DepthcastError {
  return new DepthcastError(ErrorCode.aborted, `a newer stream of producer "${producerId}" took over`, {
    reason: "PRODUCER_REPLACED",
  });
}
