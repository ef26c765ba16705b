import { status as statusNumbers, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { decodeMessage } from "./proto-files.ts";

/** One entry of `grpc-status-details-bin`: its short type name and its fields. */
export interface FailureDetail {
  readonly type: string;
  readonly value: Record<string, unknown>;
}

/** A call that ended with another status than OK. */
export class GrpcFailure extends Error {
  override readonly name = "GrpcFailure";
  /** The status by name, such as `NOT_FOUND`. */
  readonly code: string;
  readonly details: readonly FailureDetail[];

  constructor(status: Pick<StatusObject, "code" | "details" | "metadata">) {
    super(status.details);
    this.code = statusNumbers[status.code] ?? String(status.code);
    this.details = detailsOf(status);
  }

  static from(error: ServiceError): GrpcFailure {
    return new GrpcFailure(error);
  }
}

function detailsOf(status: Pick<StatusObject, "metadata">): FailureDetail[] {
  const [bytes] = status.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return [];
  const { details } = decodeMessage("google.rpc.Status", bytes);
  return (details as { typeUrl?: string; type_url?: string; value: Uint8Array }[]).map((any) => {
    const name = (any.typeUrl ?? any.type_url ?? "").split("/").at(-1) as string;
    return { type: name.replace("google.rpc.", ""), value: decodeMessage(name, any.value) };
  });
}
