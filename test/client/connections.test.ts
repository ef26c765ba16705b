import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { OrderAction, Side } from "../../src/book/order-events.ts";
import { ClientBook } from "../../src/client/client-book.ts";
import { GrpcClient } from "../../src/client/grpc-client.ts";
import { GrpcConnection } from "../../src/client/grpc-connection.ts";
import { IngestStream } from "../../src/client/ingest-stream.ts";
import type { MarketDataConnection } from "../../src/client/market-data-connection.ts";
import type { MarketSubscription, MarketUpdate } from "../../src/client/market-update.ts";
import { explainRefusal } from "../../src/client/refused-websocket.ts";
import { WebSocketConnection } from "../../src/client/websocket-connection.ts";
import { closedPort } from "../support/closed-port.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";

const instruments = ["A", "B"].map((symbol) => ({
  symbol,
  priceScale: 2,
  quantityScale: 3,
  crossPolicy: CrossPolicy.reject,
  tickSize: 5,
  // The JSON dialect shows 0 as one unit.
  lotSize: 1,
  description: "for tests",
}));

interface Rig {
  readonly server: TestServer;
  readonly stream: IngestStream;
  readonly open: () => MarketDataConnection;
}

async function startRig(transport: string): Promise<Rig> {
  const server = await startTestServer({ instruments });
  const client = new GrpcClient(server.grpcAddress);
  onTestFinished(() => client.close());
  const stream = await IngestStream.open(client);
  return {
    server,
    stream,
    open() {
      const connection =
        transport === "gRPC"
          ? new GrpcConnection(server.grpcAddress)
          : new WebSocketConnection(`${server.httpUrl.replace("http", "ws")}/v1/ws`);
      onTestFinished(() => connection.close());
      return connection;
    },
  };
}

/** What one connection tells, kept as books. */
class Books {
  readonly #connection: MarketDataConnection;
  readonly #books = new Map<number, ClientBook>();

  constructor(connection: MarketDataConnection, subscriptions: readonly MarketSubscription[]) {
    this.#connection = connection;
    connection.subscribe(subscriptions);
  }

  /** Resolves when it holds, with all updates until then. */
  async readUntil(holds: (update: MarketUpdate) => boolean): Promise<MarketUpdate[]> {
    const seen: MarketUpdate[] = [];
    for await (const updates of this.#connection.updates()) {
      for (const update of updates) this.#take(update);
      seen.push(...updates);
      if (updates.some(holds)) break;
    }
    return seen;
  }

  /** The book of a symbol that has as many bids. */
  async withBids(symbol: string, bids: number): Promise<ClientBook> {
    await this.readUntil(() => this.#find(symbol)?.bids.length === bids);
    return this.#find(symbol)!;
  }

  #find(symbol: string): ClientBook | undefined {
    return [...this.#books.values()].find((book) => book.symbol === symbol);
  }

  #take(update: MarketUpdate): void {
    if (update.type === "refused" || update.type === "malformed") return;
    if (update.type === "subscribed") this.#books.set(update.viewId, new ClientBook(update));
    expect(this.#books.get(update.viewId)?.apply(update).outcome).not.toBe("breach");
  }
}

function add(orderId: bigint, price: number) {
  return { action: OrderAction.add, orderId, side: Side.bid, price, quantity: 1500 };
}

describe.each(["gRPC", "WebSocket"])("over %s", (transport) => {
  test("books of several symbols are kept from one stream of updates", async () => {
    const { server, stream, open } = await startRig(transport);
    await stream.write("A", add(1n, -100));
    await stream.settle();
    const books = new Books(open(), [
      { symbol: "A", depth: 10, intervalMs: 0 },
      { symbol: "B", depth: 10, intervalMs: 0 },
    ]);
    const { phase, depth, intervalMs, instrument, bestBid, position } = await books.withBids("A", 1);
    expect({ phase, depth, intervalMs, instrument, bestBid, position }).toEqual({
      phase: "live",
      depth: 10,
      intervalMs: 0,
      instrument: instruments[0],
      bestBid: { price: -100, quantity: 1500, orderCount: 1 },
      position: { epoch: server.running.epoch, sequence: 1 },
    });
    await stream.write("A", add(2n, -95));
    await stream.write("B", add(1n, 200));
    await stream.settle();
    const { bids } = await books.withBids("B", 1);
    expect(bids).toEqual([{ price: 200, quantity: 1500, orderCount: 1 }]);
  });

  test("a symbol that is not there is refused with its name, and other books live on", async () => {
    const { stream, open } = await startRig(transport);
    const connection = open();
    const books = new Books(connection, [{ symbol: "A", intervalMs: 0 }]);
    connection.subscribe([{ symbol: "NOPE" }]);
    const updates = await books.readUntil(({ type }) => type === "refused");
    expect(updates.at(-1)).toMatchObject({ symbol: "NOPE", error: { code: "not_found" } });
    await stream.write("A", add(1n, 100));
    await stream.settle();
    await books.withBids("A", 1);
  });

  test("goes on from a position without a snapshot", async () => {
    const { stream, open } = await startRig(transport);
    await stream.write("A", add(1n, 100));
    await stream.settle();
    const subscription = { symbol: "A", depth: 5, intervalMs: 0 } as const;
    const { position: resume } = await new Books(open(), [subscription]).withBids("A", 1);
    const second = open();
    second.subscribe([{ ...subscription, resume }]);
    for await (const [update] of second.updates()) {
      expect(update).toMatchObject({ type: "subscribed", resumed: true });
      break;
    }
  });

  test("ends cleanly when closed, and as unavailable when the server stops", async () => {
    const { server, open } = await startRig(transport);
    const closed = open();
    closed.subscribe([{ symbol: "A" }]);
    for await (const _ of closed.updates()) closed.close();
    const stopped = open();
    stopped.subscribe([{ symbol: "A" }]);
    const reading = (async () => {
      for await (const batch of stopped.updates()) {
        if (batch.some(({ type }) => type === "snapshot")) void server.stop();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("where there is no server", () => {
  test.each([
    ["gRPC", (address: string) => new GrpcConnection(address)],
    ["WebSocket", (address: string) => new WebSocketConnection(`ws://${address}/v1/ws`, explainRefusal)],
  ] as const)("%s says how to start one", async (_name, open) => {
    const address = `127.0.0.1:${await closedPort()}`;
    await expect(firstUpdate(open(address))).rejects.toThrow(
      `no depthcast server at ${address}; start one with \`npx depthcast serve\``,
    );
  });

  test("an HTTP server that knows no WebSocket, and no gRPC, is told apart", async () => {
    const other = createServer((_request, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(
      firstUpdate(new WebSocketConnection(`ws://127.0.0.1:${port}/v1/ws`, explainRefusal)),
    ).rejects.toThrow(
      /opened no WebSocket at .* \(HTTP status 404\); a depthcast server has it at \/v1\/ws$/,
    );
    await expect(firstUpdate(new GrpcConnection(`127.0.0.1:${port}`))).rejects.toThrow(
      `cannot reach a depthcast server at 127.0.0.1:${port}: what listens there does not speak gRPC`,
    );
  });

  test("a URL that is none is refused", () => {
    expect(() => new WebSocketConnection("http://127.0.0.1/")).toThrow("not a WebSocket URL");
  });
});

async function firstUpdate(connection: MarketDataConnection): Promise<MarketUpdate | undefined> {
  connection.subscribe([{ symbol: "A" }]);
  for await (const [update] of connection.updates()) return update;
  return undefined;
}
