import type { DepthcastError } from "../errors.ts";
import type { SubscriptionRequest } from "./subscription.ts";

/** What a WebSocket client may ask, the same in both dialects. */
export type ClientRequest =
  | { readonly op: "subscribe"; readonly subscription: SubscriptionRequest }
  | { readonly op: "unsubscribe"; readonly viewId: number }
  | { readonly op: "ping" }
  /** Answered with an `error`, and the connection lives on. `id` is empty where none could be read. */
  | { readonly op: "refused"; readonly id: string; readonly error: DepthcastError }
  /** Not of the dialect at all: the connection is closed with 1007. */
  | { readonly op: "malformed"; readonly reason: string };
