import { DepthcastError, ErrorCode } from "../errors.ts";

const USAGE = "USAGE";

/** What a user typed wrong: one line on standard error and exit code 2. */
export function usageError(message: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, message, { reason: USAGE });
}

export function isUsageError(error: DepthcastError): boolean {
  return error.details.reason === USAGE;
}
