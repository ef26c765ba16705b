import { type ServiceError, status } from "@grpc/grpc-js";
import { DepthcastError, ErrorCode } from "../errors.ts";

const codes: { readonly [code: number]: ErrorCode } = {
  [status.INVALID_ARGUMENT]: ErrorCode.invalidArgument,
  [status.NOT_FOUND]: ErrorCode.notFound,
  [status.ALREADY_EXISTS]: ErrorCode.alreadyExists,
  [status.FAILED_PRECONDITION]: ErrorCode.failedPrecondition,
  [status.RESOURCE_EXHAUSTED]: ErrorCode.resourceExhausted,
  [status.ABORTED]: ErrorCode.aborted,
  [status.UNAUTHENTICATED]: ErrorCode.unauthenticated,
  [status.PERMISSION_DENIED]: ErrorCode.permissionDenied,
  [status.UNAVAILABLE]: ErrorCode.unavailable,
  [status.DEADLINE_EXCEEDED]: ErrorCode.deadlineExceeded,
};

/** A failed call as the one error class, with a message for people. `target` is `host:port`. */
export function grpcCallError(error: ServiceError, target: string): DepthcastError {
  const code = codes[error.code] ?? ErrorCode.internal;
  return new DepthcastError(code, describe(error, code, target), {}, { cause: error });
}

function describe(error: ServiceError, code: ErrorCode, target: string): string {
  const { details } = error;
  if (code === ErrorCode.unavailable) {
    if (/ECONNREFUSED/.test(details)) return noServerAt(target);
    if (/No connection established|Name resolution failed|ENOTFOUND|EAI_AGAIN/.test(details)) {
      return `cannot reach a depthcast server at ${target}: ${details}`;
    }
    if (/Connection dropped|ECONNRESET|read ECONN|EPIPE/.test(details)) {
      return `the connection to the depthcast server at ${target} was lost`;
    }
  }
  return details;
}

/** The message for a refused connection, the same over gRPC and WebSocket. */
export function noServerAt(target: string): string {
  return `no depthcast server at ${target}; start one with \`npx depthcast serve\``;
}
