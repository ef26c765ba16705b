import { serversAt } from "./connect.ts";
import { GrpcConnection } from "./grpc-connection.ts";
import type { ClientOptions } from "./market-client.ts";
import { NodeClient } from "./node-client.ts";
import { explainRefusal } from "./refused-websocket.ts";
import { WebSocketConnection } from "./websocket-connection.ts";

/**
 * A client of one or more servers, over gRPC or WebSocket, whichever the address says.
 *
 * ```ts
 * const client = connect(["grpc://10.0.0.1:50051", "ws://10.0.0.2:8080/v1/ws"]);
 * const book = await client.watch("BTC-USD", { depth: 20 });
 * for await (const { status } of book) use(book.bestBid, book.bestAsk, status);
 * ```
 *
 * @param addresses `grpc://host:port`, `ws://…` or `wss://…`, tried in turn; positions are good on all of them
 * @throws DepthcastError `invalid_argument` where an address cannot be used.
 */
export function connect(addresses: string | readonly string[], options?: ClientOptions): NodeClient {
  const webSocket = (address: string): WebSocketConnection =>
    new WebSocketConnection(address, explainRefusal);
  const grpc = (address: string): GrpcConnection => new GrpcConnection(address.slice("grpc://".length));
  return new NodeClient(serversAt({ grpc, ws: webSocket, wss: webSocket }, addresses), options);
}
