import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { DepthcastError, ErrorCode } from "../errors.ts";

/**
 * Decodes a message of a stranger. Unknown fields are dropped, not kept: they could be many.
 *
 * @throws DepthcastError `invalid_argument` where the bytes are not such a message.
 */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  message: Uint8Array,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, message, { readUnknownFields: false });
  } catch (thrown) {
    throw malformedMessage(schema.name, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** The refusal of bytes that are not a message of the type. */
export function malformedMessage(typeName: string, why: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, `not a valid ${typeName}: ${why}`, {
    reason: "MALFORMED_MESSAGE",
  });
}
