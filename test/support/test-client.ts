import { onTestFinished } from "vitest";
import type { BookSet } from "./book-set.ts";
import { GrpcClient, type GrpcSubscription } from "./grpc-client.ts";
import type { ReferenceBook } from "./reference-book.ts";
import type { SubscriptionOptions, Update } from "./update.ts";
import { WebSocketClient } from "./websocket-client.ts";

/** The three ways to the same views. */
export const transports = ["grpc", "json", "proto"] as const;
export type TransportName = (typeof transports)[number];

/** Where a server listens. */
export interface ServerAddresses {
  /** `host:port`. */
  readonly grpcAddress: string;
  /** `http://host:port`. */
  readonly httpUrl: string;
}

/** One consumer of subscriptions, whatever it came by. Ends with the test. */
export interface TestConsumer {
  readonly transport: TransportName;
  readonly books: BookSet;
  /** Resolves when all that the server wrote to this consumer before has been applied. */
  barrier(): Promise<void>;
  pause(): void;
  resume(): void;
  /** A gRPC status or a close code, once the transport has ended. */
  ended(): string | undefined;
  close(): void;
}

export async function connectConsumer(
  addresses: ServerAddresses,
  transport: TransportName,
  subscriptions: readonly SubscriptionOptions[],
  onUpdate?: (update: Update, book: ReferenceBook) => void,
): Promise<TestConsumer> {
  const consumer =
    transport === "grpc"
      ? grpcConsumer(addresses, subscriptions, onUpdate)
      : await webSocketConsumer(addresses, transport, subscriptions, onUpdate);
  onTestFinished(() => consumer.close());
  return consumer;
}

/** A gRPC client that is closed at the end of the test. */
export function connectGrpc(addresses: Pick<ServerAddresses, "grpcAddress">): GrpcClient {
  const client = new GrpcClient(addresses.grpcAddress);
  onTestFinished(() => client.close());
  return client;
}

function grpcConsumer(
  { grpcAddress }: ServerAddresses,
  subscriptions: readonly SubscriptionOptions[],
  onUpdate: ((update: Update, book: ReferenceBook) => void) | undefined,
): TestConsumer {
  const client = new GrpcClient(grpcAddress);
  const call: GrpcSubscription = client.subscribe(subscriptions, onUpdate);
  let ended: string | undefined;
  void call.ended.then(
    () => (ended = "OK"),
    (failure: { code: string }) => (ended = failure.code),
  );
  return {
    transport: "grpc",
    books: call.books,
    // The same connection, so the answer comes after what was written to the stream before. Two round
    // trips, because a message of the stream is decoded a turn later than it is read.
    barrier: async () => {
      await client.listInstruments();
      await client.listInstruments();
    },
    pause: () => call.pause(),
    resume: () => call.resume(),
    ended: () => ended,
    close: () => {
      call.cancel();
      client.close();
    },
  };
}

async function webSocketConsumer(
  { httpUrl }: ServerAddresses,
  transport: "json" | "proto",
  subscriptions: readonly SubscriptionOptions[],
  onUpdate: ((update: Update, book: ReferenceBook) => void) | undefined,
): Promise<TestConsumer> {
  const client = await WebSocketClient.connect(httpUrl, transport, onUpdate);
  let ended: string | undefined;
  void client.closed.then(({ code }) => (ended = String(code)));
  for (const subscription of subscriptions) client.subscribe(subscription);
  return {
    transport,
    books: client.books,
    barrier: () => client.barrier(),
    pause: () => client.pause(),
    resume: () => client.resume(),
    ended: () => ended,
    close: () => client.terminate(),
  };
}
