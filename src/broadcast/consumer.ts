import type { DepthcastError } from "../errors.ts";
import type { SubscriptionRequest } from "../protocol/subscription.ts";

/** How updates are written for a consumer. Both gRPC and the binary WebSocket speak `proto`. */
export const Dialect = { proto: "proto", json: "json" } as const;
export type Dialect = (typeof Dialect)[keyof typeof Dialect];

/**
 * One gRPC stream or one WebSocket connection, as the broadcaster sees it. Implemented by the transports,
 * and called on the thread that runs the broadcaster.
 *
 * In dialect `proto` a piece is one `updates` entry of a `SubscribeResponse`, field header included, so
 * that a response is a concatenation of pieces. In dialect `json` a piece is the text of one frame. Pieces
 * are shared by many consumers and must not be changed.
 */
export interface Consumer {
  readonly dialect: Dialect;
  /**
   * Whether nothing of ours waits for the transport. While false, nothing is sent; the transport calls
   * `ConsumerSession.drained` when it turns true again, at least where it was asked in between.
   */
  isWritable(): boolean;
  /**
   * Takes what one flush has for this consumer, in order. Called only while writable. True = the transport has
   * taken it already.
   */
  send(pieces: readonly Uint8Array[]): boolean;
  /**
   * Ends the transport because the broadcaster gave the consumer up (stalled, or the server stops).
   * `farewell` may be written where that is still possible. The session is closed already.
   */
  cutOff(reason: DepthcastError, farewell: readonly Uint8Array[]): void;
}

/**
 * A consumer's session with the broadcaster, made by `Broadcaster.connect`. All methods on the
 * broadcaster's thread.
 */
export interface ConsumerSession {
  /**
   * Adds a subscription and resolves with its view id; `Subscribed` and what follows are sent through the
   * consumer after that, never before.
   *
   * @throws DepthcastError `not_found` (symbol), `already_exists` (the same view twice),
   *   `resource_exhausted` (too many subscriptions, or no memory left for the depth), `unavailable`
   *   (the server stops).
   */
  subscribe(request: SubscriptionRequest): Promise<number>;
  /** Drops a subscription; nothing of the view is sent after it. False = there was none. */
  unsubscribe(viewId: number): boolean;
  /** The transport is writable again: sends one merged update from the cursor to the newest state. */
  drained(): void;
  /** The transport took something, though it is not writable yet: it is slow, but not stalled. */
  progressed(): void;
  /** The transport has seen that the client takes nothing any more: the consumer is cut off. */
  stalled(): void;
  /** Milliseconds of the broadcaster's clock; while it sends, the time at which its turn began. */
  nowMs(): number;
  /** The transport has ended. Idempotent. */
  close(): void;
}
