import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import { DepthcastError, ErrorCode, type ErrorDetails } from "../errors.ts";
import { BadRequestSchema, ErrorInfoSchema } from "../protocol/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../protocol/gen/google/rpc/status_pb.ts";
import { noServerAt } from "./no-server.ts";

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

/**
 * A failed call as the one error class, with a message for people and the details that the server gave. What broke
 * below gRPC is `unavailable`, whatever grpc-js calls it. `target` is `host:port`.
 */
export function grpcCallError(error: ServiceError, target: string): DepthcastError {
  const code = brokeBelow(error) ? ErrorCode.unavailable : (codes[error.code] ?? ErrorCode.internal);
  return new DepthcastError(code, describe(error, code, target), readDetails(error), { cause: error });
}

/** A call that ended with no status from the server: its stream or connection was cut. */
function brokeBelow({ code, details }: ServiceError): boolean {
  const ownName = code === status.INTERNAL || code === status.CANCELLED || code === status.UNKNOWN;
  return ownName && /^Received RST_STREAM|^Call cancelled$|No response received/.test(details);
}

function describe(error: ServiceError, code: ErrorCode, target: string): string {
  const { details } = error;
  if (code === ErrorCode.unavailable) {
    if (/ECONNREFUSED/.test(details)) return noServerAt(target);
    if (/No connection established|Name resolution failed|ENOTFOUND|EAI_AGAIN/.test(details)) {
      return `cannot reach a depthcast server at ${target}: ${reasonOf(details)}`;
    }
    if (/Connection dropped|ECONNRESET|read ECONN|EPIPE|RST_STREAM/.test(details)) {
      return `the connection to the depthcast server at ${target} was lost`;
    }
  }
  return details;
}

/** What grpc-js wraps into "No connection established. Last error: … Resolution note: ". */
function reasonOf(details: string): string {
  const [, reason = details] = /Last error: (.*?)(?:\. Resolution note: )?$/.exec(details) ?? [];
  return reason.startsWith("Protocol error") ? "what listens there does not speak gRPC" : reason;
}

/** From `google.rpc` details; none where the server sent none, or none that can be read. */
function readDetails({ metadata }: ServiceError): ErrorDetails {
  const [bytes] = metadata?.get("grpc-status-details-bin") ?? [];
  if (!Buffer.isBuffer(bytes)) return {};
  try {
    const { details } = fromBinary(StatusSchema, bytes);
    let found: ErrorDetails = {};
    for (const detail of details) {
      const info = anyUnpack(detail, ErrorInfoSchema);
      if (info !== undefined) found = { ...found, reason: info.reason, metadata: info.metadata };
      const field = anyUnpack(detail, BadRequestSchema)?.fieldViolations[0]?.field;
      if (field !== undefined) found = { ...found, field };
    }
    return found;
  } catch {
    return {};
  }
}
