import { fromBinary } from "@bufbuild/protobuf";
import { DepthcastError } from "../errors.ts";
import { type Limits, MANTISSA_MAX, SUBSCRIPTION_ID_BYTES_MAX } from "../limits.ts";
import type { ClientRequest } from "./client-request.ts";
import type { Subscription } from "./gen/depthcast/v1/market_data_pb.ts";
import { type WebSocketRequest, WebSocketRequestSchema } from "./gen/depthcast/v1/websocket_pb.ts";
import { checkSubscription, type Position, refusedField } from "./subscription.ts";

/** Reads one frame of the binary dialect. Never throws for what is in the frame. */
export function readWebSocketRequest(frame: Uint8Array, limits: Limits): ClientRequest {
  let request: WebSocketRequest;
  try {
    request = fromBinary(WebSocketRequestSchema, frame, { readUnknownFields: false });
  } catch {
    return { op: "malformed", reason: "a frame must be a WebSocketRequest" };
  }
  const { op } = request;
  if (op.case === "subscribe") return readSubscribe(op.value, limits);
  if (op.case === "unsubscribe") return { op: "unsubscribe", viewId: op.value.viewId };
  if (op.case === "ping") return { op: "ping" };
  return { op: "refused", id: "", error: refusedField("op", "must be set") };
}

function readSubscribe(subscription: Subscription, limits: Limits): ClientRequest {
  const { symbol, depth, intervalMs, id } = subscription;
  const resume = subscription.resume && readPosition(subscription.resume);
  try {
    return {
      op: "subscribe",
      subscription: checkSubscription({ symbol, depth, intervalMs, resume, id }, limits, (name) =>
        name === "intervalMs" ? "interval_ms" : name,
      ),
    };
  } catch (thrown) {
    const echoed = Buffer.byteLength(id) <= SUBSCRIPTION_ID_BYTES_MAX ? id : "";
    return { op: "refused", id: echoed, error: DepthcastError.from(thrown) };
  }
}

function readPosition(position: { epoch: bigint; sequence: bigint }): Position {
  const { epoch, sequence } = position;
  return { epoch, sequence: sequence > BigInt(MANTISSA_MAX) ? Number.POSITIVE_INFINITY : Number(sequence) };
}
