import { DepthcastError, ErrorCode } from "../../errors.ts";

/** What trying again may mend: the server is gone, its disk is full, it is being stopped. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.unavailable,
  ErrorCode.resourceExhausted,
  ErrorCode.aborted,
  ErrorCode.deadlineExceeded,
]);

/** Reasons that the same attempt meets again, though their code is one of those above. */
const LASTING: ReadonlySet<string> = new Set([
  "PRODUCER_REPLACED",
  "PRODUCER_AHEAD",
  "PRODUCERS_MAX",
  "REQUEST_BYTES_MAX",
]);

/** Whether a producer that was interrupted by `error` should connect again and go on. */
export function isPassing(error: DepthcastError): boolean {
  return PASSING.has(error.code) && !LASTING.has(error.details.reason ?? "");
}

/** What a server that has another order log answers to a producer of this one. */
const OF_ANOTHER_LOG: ReadonlySet<string> = new Set([
  "EPOCH_CHANGED",
  "ACKNOWLEDGED_BATCHES_LOST",
  "PRODUCER_AHEAD",
]);

/** Whether `error` may be because the server is not one of the producer's order log. */
export function isOfAnotherLog(error: DepthcastError): boolean {
  return OF_ANOTHER_LOG.has(error.details.reason ?? "");
}

/** The server knows less of the producer than it acknowledged. */
export function acknowledgedLost(target: string, position: number, acknowledged: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `the server at ${target} has ${upTo(position)}, but acknowledged them ${through(acknowledged)}: its order log ` +
      "was replaced, restored or shortened, or is kept in memory only and the server was started again",
    {
      reason: "ACKNOWLEDGED_BATCHES_LOST",
      metadata: { position: String(position), acknowledged: String(acknowledged) },
    },
  );
}

/** The server knows more of the producer than it has sent. */
export function producerAhead(target: string, position: number, made: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.aborted,
    `the server at ${target} has ${upTo(position)}, of which this producer has made those ${through(made)}: ` +
      "another one uses the same id",
    { reason: "PRODUCER_AHEAD", metadata: { position: String(position), made: String(made) } },
  );
}

export function notInTurn(answered: bigint): DepthcastError {
  return new DepthcastError(
    ErrorCode.internal,
    `the server acknowledged batch ${answered}, which was not its turn`,
  );
}

/** Trying again has not helped for too long. */
export function gaveUp(cause: DepthcastError, attempts: number): DepthcastError {
  return new DepthcastError(
    cause.code,
    `gave up after ${attempts} attempts: ${cause.message}`,
    cause.details,
    {
      cause,
    },
  );
}

/** The end of a producer, as its caller is told. */
export function producerFailed(
  producerId: string,
  acknowledged: number,
  cause: DepthcastError,
): DepthcastError {
  return new DepthcastError(
    cause.code,
    `producer "${producerId}" has stopped (${whatIsSure(acknowledged)}): ${cause.message}`,
    { ...cause.details, metadata: { ...cause.details.metadata, acknowledged: String(acknowledged) } },
    { cause },
  );
}

/** A call on a producer that its user has ended. */
export function producerClosed(producerId: string, acknowledged: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.aborted,
    `producer "${producerId}" is closed (${whatIsSure(acknowledged)})`,
  );
}

function whatIsSure(acknowledged: number): string {
  return acknowledged === 0 ? "nothing was acknowledged" : `acknowledged ${through(acknowledged)}`;
}

function upTo(position: number): string {
  return position === 0 ? "no batches of the producer" : `the producer's batches ${through(position)}`;
}

function through(batchNumber: number): string {
  return `up to ${batchNumber}`;
}
