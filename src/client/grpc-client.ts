import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { type IngestAckedResponse, IngestService } from "../protocol/gen/depthcast/v1/ingest_pb.ts";
import { MarketDataService } from "../protocol/gen/depthcast/v1/market_data_pb.ts";
import { encodeInstrument } from "../protocol/instrument-codec.ts";
import { grpcCallError } from "./grpc-error.ts";
import type { SnapshotUpdate } from "./market-update.ts";
import { readInstrument, readSnapshot } from "./proto-messages.ts";

/** The least window keeps the freshest book; a snapshot of the deepest view has to fit. */
const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
const CALL_TIMEOUT_MS = 10_000;
/** A server that is back is found within this; grpc-js alone would wait for up to two minutes. */
const RECONNECT_DELAY_MAX_MS = 5000;
/** A peer that answers no ping for this long is gone, though nothing closed the connection. */
const PING_TIMEOUT_MS = 5000;

/** A method as generated, with the types of its messages. */
type Method<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

export interface SnapshotOptions {
  /** Levels a side. Default: the server's. */
  readonly depth?: number;
  /** Waits until the book has got there. */
  readonly minSequence?: number;
  /** Another epoch is `failed_precondition`. */
  readonly epoch?: bigint;
}

export interface GrpcClientOptions {
  /** While a call lives, asks the server's machine for a sign of life this often. Default: never. */
  readonly pingIntervalMs?: number;
}

/** A book as it was once. Its `viewId` is 0, as it belongs to no view. */
export interface InstrumentSnapshot {
  readonly instrument: Instrument;
  readonly snapshot: SnapshotUpdate;
}

/** A stream of batches as bytes, answered by acknowledgements. */
export type IngestAckedCall = ClientDuplexStream<Buffer, IngestAckedResponse>;

/**
 * The calls of a depthcast server over one gRPC connection, which is made at the first call. Every method
 * throws DepthcastError; `unavailable` where the server cannot be reached.
 */
export class GrpcClient {
  /** `host:port`. */
  readonly target: string;
  readonly #client: Client;

  constructor(target: string, { pingIntervalMs }: GrpcClientOptions = {}) {
    this.target = target;
    this.#client = new Client(target, credentials.createInsecure(), {
      ...(pingIntervalMs !== undefined && {
        "grpc.keepalive_time_ms": pingIntervalMs,
        "grpc.keepalive_timeout_ms": PING_TIMEOUT_MS,
      }),
      "grpc.max_receive_message_length": RESPONSE_BYTES_MAX,
      "grpc.max_send_message_length": RESPONSE_BYTES_MAX,
      "grpc.max_reconnect_backoff_ms": RECONNECT_DELAY_MAX_MS,
      // A connection of its own, so that one client's traffic does not wait behind another's.
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /** Creates an instrument, or changes it where that is allowed; resolves with the definition in force. */
  async defineInstrument(instrument: Instrument): Promise<Instrument> {
    const { instrument: defined } = await this.#unary(IngestService.method.defineInstrument, {
      instrument: encodeInstrument(instrument),
    });
    return readInstrument(defined);
  }

  async listInstruments(): Promise<readonly Instrument[]> {
    const { instruments } = await this.#unary(MarketDataService.method.listInstruments, {});
    return instruments.map(readInstrument);
  }

  /** The book once. @throws DepthcastError `not_found`, `failed_precondition`, `deadline_exceeded`. */
  async getSnapshot(symbol: string, options: SnapshotOptions = {}): Promise<InstrumentSnapshot> {
    const response = await this.#unary(MarketDataService.method.getSnapshot, {
      symbol,
      depth: options.depth ?? 0,
      minSequence: BigInt(options.minSequence ?? 0),
      epoch: options.epoch ?? 0n,
    });
    if (response.snapshot === undefined) {
      throw new DepthcastError(ErrorCode.internal, "the server sent no snapshot");
    }
    return {
      instrument: readInstrument(response.instrument),
      snapshot: readSnapshot({ viewId: 0, symbol }, response.snapshot),
    };
  }

  /** The last batch number applied for a producer; 0 = none. */
  async producerPosition(producerId: string): Promise<number> {
    const { lastBatchNumber } = await this.#unary(IngestService.method.getProducerPosition, { producerId });
    return Number(lastBatchNumber);
  }

  /** @internal For GrpcConnection. */
  openSubscribe(
    request: MessageInitShape<typeof MarketDataService.method.subscribe.input>,
  ): ClientReadableStream<MessageShape<typeof MarketDataService.method.subscribe.output>> {
    const method = MarketDataService.method.subscribe;
    return this.#client.makeServerStreamRequest(
      pathOf(method),
      serializer(method.input),
      deserializer(method.output),
      create(method.input, request),
    );
  }

  /** @internal For producers: batches go in as bytes of IngestAckedRequest. */
  openIngestAcked(): IngestAckedCall {
    const method = IngestService.method.ingestAcked;
    return this.#client.makeBidiStreamRequest(
      pathOf(method),
      (bytes: Buffer) => bytes,
      deserializer(method.output),
    );
  }

  /** A failed call of this client's as DepthcastError. */
  translate(error: ServiceError): DepthcastError {
    return grpcCallError(error, this.target);
  }

  /** Ends the connection and every call on it. Idempotent. */
  close(): void {
    this.#client.close();
  }

  #unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        pathOf(method),
        serializer(method.input),
        deserializer(method.output),
        create(method.input, request),
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error, response) => {
          if (error !== null) reject(this.translate(error));
          else resolve(response!);
        },
      );
    });
  }
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

// grpc-js calls `.copy()` on what a serializer returns, so it has to be a Buffer.
function serializer<T extends DescMessage>(schema: T): (message: MessageShape<T>) => Buffer {
  return (message) => {
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

function deserializer<T extends DescMessage>(schema: T): (bytes: Buffer) => MessageShape<T> {
  return (bytes) => fromBinary(schema, bytes);
}
