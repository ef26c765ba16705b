import { type ClientReadableStream, type ServiceError, status } from "@grpc/grpc-js";
import { DepthcastError } from "../errors.ts";
import type { SubscribeResponse, Update } from "../protocol/gen/depthcast/v1/market_data_pb.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { MarketDataConnection } from "./market-data-connection.ts";
import type { MarketSubscription, MarketUpdate } from "./market-update.ts";
import { readUpdate } from "./proto-messages.ts";
import { UpdateQueue } from "./update-queue.ts";

type SubscribeCall = ClientReadableStream<SubscribeResponse>;

/** One `Subscribe` call with the subscriptions that it carries. */
interface Subscriber {
  readonly call: SubscribeCall;
  readonly wanted: ReadonlyMap<string, string>;
  /** Views that the reader dropped while others of the call are still wanted. */
  readonly dropped: Set<number>;
  readonly views: Set<number>;
  started: boolean;
}

/**
 * Market data over gRPC. Each `subscribe` is one call, so what is subscribed together arrives together. A
 * reader that is slow holds the calls by HTTP/2 flow control, and the server merges what it misses.
 */
export class GrpcConnection implements MarketDataConnection {
  readonly #client: GrpcClient;
  readonly #subscribers = new Set<Subscriber>();
  readonly #queue = new UpdateQueue(() => this.#resume());
  #subscriptionsMade = 0;

  /** @param target `host:port` */
  constructor(target: string) {
    this.#client = new GrpcClient(target);
  }

  get target(): string {
    return this.#client.target;
  }

  subscribe(subscriptions: readonly MarketSubscription[]): readonly string[] {
    const wanted = new Map<string, string>();
    const request = subscriptions.map((subscription) => {
      this.#subscriptionsMade += 1;
      const id = `s${this.#subscriptionsMade}`;
      wanted.set(id, subscription.symbol);
      return writeSubscription(subscription, id);
    });
    const call = this.#client.openSubscribe({ subscriptions: request });
    const subscriber: Subscriber = {
      call,
      wanted,
      dropped: new Set(),
      views: new Set(),
      started: false,
    };
    this.#subscribers.add(subscriber);
    call.on("data", (response: SubscribeResponse) => this.#receive(subscriber, response));
    call.on("error", (error: ServiceError) => this.#ended(subscriber, error));
    call.on("end", () => this.#ended(subscriber, undefined));
    return [...wanted.keys()];
  }

  unsubscribe(viewId: number): void {
    for (const subscriber of this.#subscribers) {
      if (!subscriber.views.has(viewId) || subscriber.dropped.has(viewId)) continue;
      subscriber.dropped.add(viewId);
      if (subscriber.dropped.size < subscriber.wanted.size) continue;
      this.#subscribers.delete(subscriber);
      subscriber.call.cancel();
    }
  }

  updates(): AsyncIterable<readonly MarketUpdate[]> {
    return this.#queue;
  }

  close(): void {
    this.#queue.end();
    this.#stop();
  }

  #receive(subscriber: Subscriber, response: SubscribeResponse): void {
    subscriber.started = true;
    const batch: MarketUpdate[] = [];
    for (const message of response.updates) {
      if (subscriber.dropped.has(message.viewId)) continue;
      if (message.event.case === "subscribed") subscriber.views.add(message.viewId);
      const update = readOrTellMalformed(message);
      if (update !== undefined) batch.push(update);
    }
    if (!this.#queue.push(batch)) subscriber.call.pause();
  }

  #resume(): void {
    for (const { call } of this.#subscribers) call.resume();
  }

  #ended(subscriber: Subscriber, error: ServiceError | undefined): void {
    if (!this.#subscribers.delete(subscriber)) return;
    if (error === undefined) {
      if (this.#subscribers.size === 0) this.#queue.end();
      return;
    }
    const failure = this.#client.translate(error);
    // What fails before its first message was not accepted, and concerns this call's subscriptions alone.
    if (subscriber.started || error.code === status.UNAVAILABLE) {
      this.#fail(failure);
      return;
    }
    const refusals = [...subscriber.wanted].map(
      ([id, symbol]): MarketUpdate => ({ type: "refused", id, symbol, error: failure }),
    );
    this.#queue.push(refusals);
  }

  #fail(failure: DepthcastError): void {
    this.#queue.fail(failure);
    this.#stop();
  }

  #stop(): void {
    for (const { call } of this.#subscribers) call.cancel();
    this.#subscribers.clear();
    this.#client.close();
  }
}

/** What is wrong with one message of a response leaves the others as they are. */
function readOrTellMalformed(message: Update): MarketUpdate | undefined {
  const { viewId, event } = message;
  try {
    return readUpdate(message);
  } catch (thrown) {
    const id = event.case === "subscribed" ? event.value.id : "";
    return { type: "malformed", viewId, id, detail: DepthcastError.from(thrown).message };
  }
}

function writeSubscription({ symbol, depth, intervalMs, resume }: MarketSubscription, id: string) {
  return {
    id,
    symbol,
    depth: depth ?? 0,
    ...(intervalMs !== undefined && { intervalMs }),
    ...(resume !== undefined && { resume: { epoch: resume.epoch, sequence: BigInt(resume.sequence) } }),
  };
}
