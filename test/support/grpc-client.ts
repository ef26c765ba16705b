import {
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  makeGenericClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { once } from "node:events";
import { BookSet } from "./book-set.ts";
import { GrpcFailure } from "./grpc-failure.ts";
import { objectOptions, protoDirectory } from "./proto-files.ts";
import type { ReferenceBook } from "./reference-book.ts";
import type { ReceivedInstrument, SnapshotUpdate, SubscriptionOptions, Update } from "./update.ts";
import {
  instrumentFromProto,
  type RawInstrument,
  type RawSnapshot,
  type RawUpdate,
  subscriptionToProto,
  updateFromProto,
  windowFromProto,
} from "./update-from-proto.ts";

/**
 * A gRPC client as a stranger would write it: grpc-js and proto-loader over the .proto files. Each
 * GrpcClient has a connection of its own.
 */

const definitions = loadSync(["depthcast/v1/ingest.proto", "depthcast/v1/market_data.proto"], {
  ...objectOptions,
  includeDirs: [protoDirectory],
});
const services = {
  ingest: definitions["depthcast.v1.IngestService"],
  marketData: definitions["depthcast.v1.MarketDataService"],
} as unknown as Record<"ingest" | "marketData", Parameters<typeof makeGenericClientConstructor>[0]>;

/** An event as it goes on the wire. Numbers as strings, so that a test can send what is out of range. */
export interface WireEvent {
  readonly action: string | number;
  readonly orderId?: string;
  readonly orderKey?: string;
  readonly side?: string | number;
  readonly price?: string;
  readonly quantity?: string;
}

export interface WireBatch {
  readonly symbol: string;
  readonly events: readonly WireEvent[];
  readonly producerId?: string;
  readonly batchNumber?: string | number;
  readonly sourceTimeUnixNanos?: string;
}

export interface Rejection {
  readonly symbol: string;
  readonly batchNumber: string;
  readonly eventIndex: number;
  readonly reason: string;
  readonly detail: string;
}

interface RawPosition {
  readonly epoch: string;
  readonly sequence: string;
}

export interface IngestResponse {
  readonly acceptedEvents: string;
  readonly rejectedEvents: string;
  readonly duplicateBatches: string;
  readonly rejections: readonly Rejection[];
  readonly positions: readonly { readonly symbol: string; readonly position: RawPosition }[];
}

export interface IngestAck {
  readonly batchNumber: string;
  readonly acceptedEvents: string;
  readonly rejectedEvents: string;
  readonly duplicate: boolean;
  readonly rejections: readonly Rejection[];
  readonly position: RawPosition;
}

export interface InstrumentOptions {
  readonly symbol: string;
  readonly priceScale?: number;
  readonly quantityScale?: number;
  readonly crossPolicy?: "reject" | "flag";
  readonly tickSize?: string | number;
  readonly lotSize?: string | number;
  readonly description?: string;
}

const connectionOptions = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.max_send_message_length": -1,
  "grpc.max_receive_message_length": -1,
};

type Callback = (error: ServiceError | null, response: never) => void;
type Unary = (request: object, options: { deadline: number }, callback: Callback) => void;

export class GrpcClient {
  readonly #clients: Record<"ingest" | "marketData", Client & Record<string, unknown>>;

  /** `target` is `host:port`. */
  constructor(target: string) {
    const open = (service: "ingest" | "marketData") =>
      new (makeGenericClientConstructor(services[service], service))(
        target,
        credentials.createInsecure(),
        connectionOptions,
      );
    this.#clients = { ingest: open("ingest"), marketData: open("marketData") };
  }

  async defineInstrument(instrument: InstrumentOptions): Promise<ReceivedInstrument> {
    const { crossPolicy, ...rest } = instrument;
    const policy = crossPolicy && { crossPolicy: `CROSS_POLICY_${crossPolicy.toUpperCase()}` };
    const response = await this.#unary<{ instrument: RawInstrument }>("ingest", "defineInstrument", {
      instrument: { ...rest, ...policy },
    });
    return instrumentFromProto(response.instrument);
  }

  async listInstruments(): Promise<ReceivedInstrument[]> {
    const response = await this.#unary<{ instruments: RawInstrument[] }>("marketData", "listInstruments", {});
    return response.instruments.map(instrumentFromProto);
  }

  async getSnapshot(
    request: { symbol: string; depth?: number; minSequence?: number | string; epoch?: string },
    deadlineMs = 10_000,
  ): Promise<{
    instrument: ReceivedInstrument;
    snapshot: Omit<SnapshotUpdate, "kind" | "viewId" | "symbol">;
  }> {
    const response = await this.#unary<{ instrument: RawInstrument; snapshot: RawSnapshot }>(
      "marketData",
      "getSnapshot",
      request,
      deadlineMs,
    );
    return {
      instrument: instrumentFromProto(response.instrument),
      snapshot: { epoch: BigInt(response.snapshot.epoch), ...windowFromProto(response.snapshot) },
    };
  }

  async getProducerPosition(producerId: string): Promise<number> {
    const response = await this.#unary<{ lastBatchNumber: string }>("ingest", "getProducerPosition", {
      producerId,
    });
    return Number(response.lastBatchNumber);
  }

  openIngest(): IngestCall {
    return new IngestCall(this.#clients.ingest);
  }

  /** Sends batches on a stream of their own, waiting whenever the server holds it back. */
  async ingest(batches: Iterable<WireBatch>): Promise<IngestResponse> {
    const call = this.openIngest();
    for (const batch of batches) await call.write(batch);
    return call.end();
  }

  openIngestAcked(onAck?: (ack: IngestAck) => void): IngestAckedCall {
    return new IngestAckedCall(this.#clients.ingest, onAck);
  }

  subscribe(
    subscriptions: readonly SubscriptionOptions[],
    onUpdate?: (update: Update, book: ReferenceBook) => void,
  ): GrpcSubscription {
    return new GrpcSubscription(this.#clients.marketData, subscriptions, onUpdate);
  }

  /** Opens a stream to `path` whose request messages are the bytes given: for what no encoder would write. */
  rawStream(path: string): ClientDuplexStream<Buffer, Buffer> {
    return this.#clients.ingest.makeBidiStreamRequest(path, unchanged, unchanged);
  }

  close(): void {
    this.#clients.ingest.close();
    this.#clients.marketData.close();
  }

  #unary<Response>(
    service: "ingest" | "marketData",
    method: string,
    request: object,
    deadlineMs = 10_000,
  ): Promise<Response> {
    const client = this.#clients[service];
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    (client[method] as Unary).call(
      client,
      request,
      { deadline: Date.now() + deadlineMs },
      (error, response) => {
        if (error) reject(GrpcFailure.from(error));
        else resolve(response);
      },
    );
    return promise;
  }
}

/** A producer's stream. */
export class IngestCall {
  readonly #call: ClientWritableStream<WireBatch>;
  /** The final answer. Rejects with a GrpcFailure. */
  readonly response: Promise<IngestResponse>;
  #failed = false;

  constructor(client: Client & Record<string, unknown>) {
    const { promise, resolve, reject } = Promise.withResolvers<IngestResponse>();
    const open = client["ingest"] as (callback: Callback) => ClientWritableStream<WireBatch>;
    this.#call = open.call(client, (error, response) => {
      this.#failed = error !== null;
      if (error) reject(GrpcFailure.from(error));
      else resolve(response);
    });
    this.response = promise;
    promise.catch(() => {});
  }

  /** Resolves when there is room for more; rejects when the stream ended. */
  async write(batch: WireBatch): Promise<void> {
    if (this.#failed) await this.response;
    if (!this.#call.write(batch)) await Promise.race([once(this.#call, "drain"), this.response]);
  }

  end(): Promise<IngestResponse> {
    this.#call.end();
    return this.response;
  }

  cancel(): void {
    this.#call.cancel();
  }
}

/** A producer's stream with an answer for each batch. */
export class IngestAckedCall {
  readonly #call: ClientDuplexStream<WireBatch, IngestAck>;
  readonly acks: IngestAck[] = [];
  /** Resolves when the server ended with OK; rejects with a GrpcFailure. */
  readonly ended: Promise<void>;
  #waiting: (() => void)[] = [];

  constructor(client: Client & Record<string, unknown>, onAck: ((ack: IngestAck) => void) | undefined) {
    const open = client["ingestAcked"] as () => ClientDuplexStream<WireBatch, IngestAck>;
    this.#call = open.call(client);
    this.#call.on("data", (ack: IngestAck) => {
      this.acks.push(ack);
      onAck?.(ack);
      this.#wake();
    });
    this.ended = statusOf(this.#call);
    this.ended.catch(() => {}).finally(() => this.#wake());
  }

  async write(batch: WireBatch): Promise<void> {
    if (!this.#call.write(batch)) await Promise.race([once(this.#call, "drain"), this.ended]);
  }

  /** Writes a batch and waits for the answer to it and to all before it. */
  async send(batch: WireBatch): Promise<IngestAck> {
    const place = this.acks.length;
    await this.write(batch);
    let over = false;
    this.ended.catch(() => {}).finally(() => (over = true));
    while (this.acks.length <= place) {
      if (over) {
        await this.ended;
        throw new Error("the stream ended before the batch was answered");
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.acks[place] as IngestAck;
  }

  async end(): Promise<void> {
    this.#call.end();
    await this.ended;
  }

  cancel(): void {
    this.#call.cancel();
  }

  #wake(): void {
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

/** A Subscribe stream whose books are kept and checked. */
export class GrpcSubscription {
  readonly #call: ClientReadableStream<{ updates: RawUpdate[] }>;
  readonly books: BookSet;
  /** Resolves when the server ended with OK (it never should); rejects with a GrpcFailure. */
  readonly ended: Promise<void>;
  /** SubscribeResponse messages. */
  responses = 0;
  /** Updates of the largest response. */
  updatesMax = 0;
  isOver = false;

  constructor(
    client: Client & Record<string, unknown>,
    subscriptions: readonly SubscriptionOptions[],
    onUpdate: ((update: Update, book: ReferenceBook) => void) | undefined,
  ) {
    this.books = new BookSet(onUpdate);
    const open = client["subscribe"] as (request: object) => ClientReadableStream<{ updates: RawUpdate[] }>;
    this.#call = open.call(client, { subscriptions: subscriptions.map(subscriptionToProto) });
    this.#call.on("data", (response: { updates: RawUpdate[] }) => {
      this.responses += 1;
      this.updatesMax = Math.max(this.updatesMax, response.updates.length);
      try {
        for (const update of response.updates) this.books.apply(updateFromProto(update));
      } catch (thrown) {
        this.books.fail(thrown);
      }
    });
    this.ended = statusOf(this.#call);
    this.ended.catch(() => {}).finally(() => (this.isOver = true));
  }

  /**
   * Stops reading for real: grpc-js reads on until 16 messages are decoded and the HTTP/2 window (64 KiB)
   * is full; from then on the server's writes wait.
   */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

function statusOf(call: ClientReadableStream<unknown>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  call.on("error", (error: ServiceError) => reject(GrpcFailure.from(error)));
  call.on("end", () => resolve());
  promise.catch(() => {});
  return promise;
}

function unchanged(bytes: Buffer): Buffer {
  return bytes;
}
