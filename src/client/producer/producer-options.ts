import type { ClientClock } from "../../clock.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { LIMITS, PRODUCER_ID_BYTES_MAX } from "../../limits.ts";
import type { BackoffOptions } from "../backoff.ts";
import type { IngestTotals } from "../ingest-tally.ts";
import type { KnownPlace } from "./producer-link.ts";
import type { RejectedEvent } from "./rejected-event.ts";

export interface ProducerOptions {
  /** The server's gRPC address, `host:port`; or several that lead to one order log, tried in turn. */
  readonly target: string | readonly string[];
  /** Names the producer for good, 1 to 64 bytes: its batches are numbered on from the last one under it. */
  readonly producerId: string;
  /** Events of a batch, at most. Default 500: larger ones gain little and wait longer. */
  readonly batchEventsMax?: number;
  /** A batch is sent this long after its first event, however few it has. Default 5. */
  readonly lingerMs?: number;
  /** Batches sent and not yet acknowledged. Default 64. */
  readonly batchesInFlightMax?: number;
  /** What is kept until it is acknowledged, roughly; then `write` makes its caller wait. Default 8 MiB. */
  readonly keptBytesMax?: number;
  /** The order log that it is for: another one's server is refused. Default: that of the first acknowledgement. */
  readonly known?: KnownPlace;
  /** How a lost connection is made anew. */
  readonly backoff?: BackoffOptions;
  /** Told when the connection is lost, made anew, or given up. */
  readonly onStatus?: (status: ProducerStatus) => void;
  /** Told each event that the server refused, the first 100 of a batch; before `flush` resolves. */
  readonly onRejected?: (rejected: RejectedEvent) => void;
  readonly clock?: ClientClock;
  /** From 0 to below 1, for the jitter. Default `Math.random`. */
  readonly random?: () => number;
}

/** How a producer stands, as its user sees it. */
export type ProducerStatus =
  | { readonly phase: "connected" }
  /** The connection was lost; `attempts` to make it anew since the last acknowledgement. */
  | { readonly phase: "reconnecting"; readonly attempts: number; readonly cause: DepthcastError }
  | { readonly phase: "closed" }
  | { readonly phase: "failed"; readonly error: DepthcastError };

export interface ProducerTotals extends IngestTotals {
  /**
   * Batches that were applied, once, while the acknowledgement was lost with a connection: how many of their
   * events were refused is not known. They are not in the counts of accepted and refused events.
   */
  readonly uncountedBatches: number;
  readonly uncountedEvents: number;
}

/** The addresses, in the order in which they are tried. */
export function targetsOf({ target }: ProducerOptions): readonly string[] {
  return typeof target === "string" ? [target] : target;
}

/** @throws DepthcastError `invalid_argument` for an id or a bound that cannot be. */
export function checkOptions({
  producerId,
  batchEventsMax = 1,
  batchesInFlightMax = 1,
}: ProducerOptions): void {
  if (producerId === "" || Buffer.byteLength(producerId) > PRODUCER_ID_BYTES_MAX) {
    throw refused("producerId", `must have 1 to ${PRODUCER_ID_BYTES_MAX} bytes`);
  }
  const { min, max } = LIMITS.eventsPerBatchMax;
  if (!Number.isSafeInteger(batchEventsMax) || batchEventsMax < min || batchEventsMax > max) {
    throw refused("batchEventsMax", `must be a whole number from ${min} to ${max}`);
  }
  if (!Number.isSafeInteger(batchesInFlightMax) || batchesInFlightMax < 1) {
    throw refused("batchesInFlightMax", "must be a whole number from 1");
  }
}

function refused(field: string, rule: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, `${field}: ${rule}`, { field });
}
