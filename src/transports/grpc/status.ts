import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import type { DepthcastError, ErrorCode } from "../../errors.ts";
import {
  type BadRequest,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
} from "../../protocol/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../protocol/gen/google/rpc/status_pb.ts";

/** The one table from our codes to gRPC's. */
const statusCodes: { readonly [Code in ErrorCode]: status } = {
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  failed_precondition: status.FAILED_PRECONDITION,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  aborted: status.ABORTED,
  unauthenticated: status.UNAUTHENTICATED,
  permission_denied: status.PERMISSION_DENIED,
  unavailable: status.UNAVAILABLE,
  deadline_exceeded: status.DEADLINE_EXCEEDED,
  internal: status.INTERNAL,
};

/** Who made an ErrorInfo, as `google.rpc` wants it. */
const ERROR_DOMAIN = "depthcast";
/** Statuses travel in headers, of which clients take 8 or 16 KiB, the details coming on top. */
const MESSAGE_LENGTH_MAX = 1000;

/** The status of an error, with `google.rpc` details in `grpc-status-details-bin`. */
export function statusOf(error: DepthcastError): StatusObject {
  const code = statusCodes[error.code];
  // grpc-js percent-encodes the message, and throws for what is no well-formed text.
  const message = error.message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed();
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", encodeDetails(error, code, message));
  return { code, details: message, metadata };
}

function encodeDetails(error: DepthcastError, code: status, message: string): Buffer {
  const { field, reason, metadata } = error.details;
  const details = [anyPack(ErrorInfoSchema, errorInfo(reason ?? error.code.toUpperCase(), metadata ?? {}))];
  if (field !== undefined) details.unshift(anyPack(BadRequestSchema, badRequest(field, message)));
  return Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message, details })));
}

function errorInfo(reason: string, metadata: Record<string, string>): ErrorInfo {
  return create(ErrorInfoSchema, { reason, domain: ERROR_DOMAIN, metadata });
}

function badRequest(field: string, description: string): BadRequest {
  return create(BadRequestSchema, { fieldViolations: [{ field, description }] });
}
