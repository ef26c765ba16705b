import { DepthcastError, ErrorCode } from "../errors.ts";
import {
  INTERVALS_MS,
  type IntervalMs,
  isInterval,
  type Limits,
  SUBSCRIPTION_ID_BYTES_MAX,
  SYMBOL_PATTERN,
} from "../limits.ts";

/** A place in the history of one symbol's book, as a client gave it. */
export interface Position {
  readonly epoch: bigint;
  /** Infinity where the client's number is over 2^53 − 1: known to nobody. */
  readonly sequence: number;
}

/** A subscription as asked for, checked against the limits and with defaults filled in. */
export interface SubscriptionRequest {
  readonly symbol: string;
  readonly depth: number;
  readonly intervalMs: IntervalMs;
  readonly resume: Position | undefined;
  /** The client's own name for it, echoed. */
  readonly id: string;
}

/** A subscription as a dialect read it: the types are right, nothing else is known. */
export interface SubscriptionValues {
  readonly symbol: string;
  /** 0 = the default. */
  readonly depth: number;
  /** Undefined = the default. */
  readonly intervalMs: number | undefined;
  readonly resume: Position | undefined;
  readonly id: string;
}

/** How a dialect spells the path of a field: `depth`, `subscriptions[3].interval_ms`. */
export type SubscriptionFieldPath = (name: keyof SubscriptionValues) => string;

/**
 * Judges a subscription by the rules that all dialects share. Whether the symbol is defined is for the
 * broadcaster to say; one that no instrument could have is unknown already here.
 *
 * @throws DepthcastError `invalid_argument` (depth, interval, id), `not_found` (symbol), with the field.
 */
export function checkSubscription(
  values: SubscriptionValues,
  limits: Limits,
  fieldPath: SubscriptionFieldPath,
): SubscriptionRequest {
  const { symbol, resume, id } = values;
  const depth = values.depth === 0 ? limits.depthDefault : values.depth;
  if (!Number.isSafeInteger(depth) || depth < 1 || depth > limits.depthMax) {
    throw refusedField(
      fieldPath("depth"),
      `${values.depth} is not within 0 to ${limits.depthMax} (depthMax)`,
    );
  }
  const intervalMs = values.intervalMs ?? limits.intervalDefaultMs;
  if (!isInterval(intervalMs)) {
    throw refusedField(fieldPath("intervalMs"), `${intervalMs} is not one of ${INTERVALS_MS.join(", ")}`);
  }
  // A UTF-16 unit is at least one byte: the cheap test goes first, as the id may be megabytes.
  if (id.length > SUBSCRIPTION_ID_BYTES_MAX || Buffer.byteLength(id) > SUBSCRIPTION_ID_BYTES_MAX) {
    throw refusedField(fieldPath("id"), `must have at most ${SUBSCRIPTION_ID_BYTES_MAX} bytes`);
  }
  if (!SYMBOL_PATTERN.test(symbol)) throw unknownSymbol(symbol, fieldPath("symbol"));
  return { symbol, depth, intervalMs, resume, id };
}

/** The refusal of a symbol that is not defined. */
export function unknownSymbol(symbol: string, field: string): DepthcastError {
  return new DepthcastError(ErrorCode.notFound, `${field}: unknown symbol ${quoteForeign(symbol)}`, {
    field,
    reason: "UNKNOWN_SYMBOL",
  });
}

/** The refusal of one field's value. `rule` tells what is allowed. */
export function refusedField(field: string, rule: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, `${field}: ${rule}`, { field });
}

const QUOTED_LENGTH_MAX = 64;

/** What a stranger sent, fit for a message: quoted, escaped and cut. */
export function quoteForeign(text: string): string {
  if (text.length <= QUOTED_LENGTH_MAX) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, QUOTED_LENGTH_MAX).toWellFormed())}…`;
}
