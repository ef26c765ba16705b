import type { MarketSubscription, MarketUpdate } from "./market-update.ts";

/**
 * A source of market data, the same over gRPC and WebSocket. One reader at a time.
 */
export interface MarketDataConnection {
  /** What this is connected to, for people. */
  readonly target: string;
  /**
   * Asks for subscriptions; returns their ids, by which `subscribed` and `refused` updates name them.
   * Does not wait.
   */
  subscribe(subscriptions: readonly MarketSubscription[]): readonly string[];
  /** Nothing of this view comes any more. Does not wait. */
  unsubscribe(viewId: number): void;
  /**
   * Everything that comes, in order; one array is what the server sent together. Ends after `close`.
   *
   * @throws DepthcastError `unavailable` where the server cannot be reached or went away, or what the
   *   server ended the connection with.
   */
  updates(): AsyncIterable<readonly MarketUpdate[]>;
  /** Ends the connection. Idempotent. */
  close(): void;
}
