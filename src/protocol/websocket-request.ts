import { fromBinary } from "@bufbuild/protobuf";
import { DepthcastError } from "../errors.ts";
import { type Limits, SUBSCRIPTION_ID_BYTES_MAX } from "../limits.ts";
import type { ClientRequest } from "./client-request.ts";
import type { Subscription } from "./gen/depthcast/v1/market_data_pb.ts";
import { type WebSocketRequest, WebSocketRequestSchema } from "./gen/depthcast/v1/websocket_pb.ts";
import { refusedField } from "./subscription.ts";
import { decodeSubscription } from "./subscription-codec.ts";

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

function readSubscribe(wire: Subscription, limits: Limits): ClientRequest {
  try {
    return { op: "subscribe", subscription: decodeSubscription(wire, limits, "subscribe") };
  } catch (thrown) {
    const echoed = Buffer.byteLength(wire.id) <= SUBSCRIPTION_ID_BYTES_MAX ? wire.id : "";
    return { op: "refused", id: echoed, error: DepthcastError.from(thrown) };
  }
}
