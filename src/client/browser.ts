import { serversAt } from "./connect.ts";
import { type ClientOptions, MarketClient } from "./market-client.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/**
 * The client of web pages: over WebSocket, without dependencies.
 *
 * ```ts
 * const client = connect("wss://example.org/v1/ws");
 * const book = await client.watch("BTC-USD", { depth: 20 });
 * for await (const { status } of book) draw(book.bids, book.asks, status);
 * ```
 *
 * @param addresses `ws://` or `wss://` URLs, tried in turn
 * @throws DepthcastError `invalid_argument` where an address cannot be used.
 */
export function connect(addresses: string | readonly string[], options?: ClientOptions): MarketClient {
  const open = (address: string): WebSocketConnection => new WebSocketConnection(address);
  const servers = serversAt({ ws: open, wss: open }, addresses);
  return new MarketClient(servers.addresses, servers.open, options);
}

export { BookState } from "../book/depth.ts";
export { CrossPolicy, type Instrument } from "../book/instrument.ts";
export { DepthcastError, ErrorCode, type ErrorDetails } from "../errors.ts";
export { INTERVALS_MS, type IntervalMs } from "../limits.ts";
export { Amount } from "./amount.ts";
export { Breach } from "./client-book.ts";
export type { ClientEvent } from "./client-events.ts";
export type { BookChange, BookLevel, BookStatus, LiveBook } from "./live-book.ts";
export type { ClientOptions, MarketClient, WatchOptions } from "./market-client.ts";
export type { BookPosition } from "./market-update.ts";
