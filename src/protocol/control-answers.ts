import { create, toBinary } from "@bufbuild/protobuf";
import { WebSocketResponseSchema } from "./gen/depthcast/v1/websocket_pb.ts";

/** Writes the answers of the WebSocket bridge that belong to no view: each is the payload of one frame. */
export interface ControlEncoder {
  unsubscribed(viewId: number): Uint8Array;
  /** `id` is empty where the request had none. */
  error(id: string, code: string, message: string): Uint8Array;
  pong(): Uint8Array;
}

const jsonPong = Buffer.from('{"type":"pong"}');

export const jsonControl: ControlEncoder = {
  unsubscribed: (viewId) => Buffer.from(`{"type":"unsubscribed","viewId":${viewId}}`),
  error: (id, code, message) => Buffer.from(JSON.stringify({ type: "error", id, code, message })),
  pong: () => jsonPong,
};

const protoPong = toBinary(
  WebSocketResponseSchema,
  create(WebSocketResponseSchema, { message: { case: "pong", value: {} } }),
);

export const protoControl: ControlEncoder = {
  unsubscribed: (viewId) =>
    toBinary(
      WebSocketResponseSchema,
      create(WebSocketResponseSchema, { message: { case: "unsubscribed", value: { viewId } } }),
    ),
  error: (id, code, message) =>
    toBinary(
      WebSocketResponseSchema,
      create(WebSocketResponseSchema, {
        message: { case: "error", value: { id, code, message: message.toWellFormed() } },
      }),
    ),
  pong: () => protoPong,
};
