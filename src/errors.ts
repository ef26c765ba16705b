/**
 * The one error class of depthcast and its closed set of codes. Each transport translates the codes in
 * one table of its own (gRPC status, WebSocket error and close code, HTTP status).
 */

/** Codes follow the gRPC status names, in lower case, as PROTOCOL section 5 shows them to clients. */
export const ErrorCode = {
  invalidArgument: "invalid_argument",
  notFound: "not_found",
  alreadyExists: "already_exists",
  failedPrecondition: "failed_precondition",
  resourceExhausted: "resource_exhausted",
  aborted: "aborted",
  unauthenticated: "unauthenticated",
  permissionDenied: "permission_denied",
  unavailable: "unavailable",
  deadlineExceeded: "deadline_exceeded",
  internal: "internal",
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** What an error tells machines beside its message: becomes `google.rpc` details on gRPC. */
export interface ErrorDetails {
  /** The request field at fault, as a path: `subscriptions[3].depth`. */
  readonly field?: string;
  /** A stable reason in capitals, such as `BATCH_NUMBER_GAP`. */
  readonly reason?: string;
  /** Facts that a program may act on, such as `{ expected: "8" }`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * An operating error: something that a user, a client or the machine did, and that the message tells how
 * to mend. Programmer errors are not this class: they are `assert` failures that begin with "invariant:".
 */
export class DepthcastError extends Error {
  override readonly name = "DepthcastError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  /** Turns whatever was thrown into a DepthcastError; what is not one becomes `internal`. */
  static from(thrown: unknown): DepthcastError {
    if (thrown instanceof DepthcastError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new DepthcastError(ErrorCode.internal, message, {}, { cause: thrown });
  }
}

/** Throws where `condition` is false: a bug of ours, never an input's fault. */
export function invariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`invariant: ${what}`);
}
