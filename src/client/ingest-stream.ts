import type { ServiceError } from "@grpc/grpc-js";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { IngestAckedResponse } from "../protocol/gen/depthcast/v1/ingest_pb.ts";
import { Condition } from "./condition.ts";
import type { GrpcClient, IngestAckedCall } from "./grpc-client.ts";
import { IngestBatchWriter, type ProducerEvent } from "./ingest-batch-writer.ts";
import { IngestTally, type IngestTotals } from "./ingest-tally.ts";
import type { BookPosition } from "./market-update.ts";

export interface IngestStreamOptions {
  /**
   * Makes each batch count exactly once: batches are numbered on from the last one that the server has of
   * this producer. Default: none, batches are not numbered.
   */
  readonly producerId?: string;
  /** Events of a batch; more are divided. Default 500: larger ones gain little and wait longer. */
  readonly batchEventsMax?: number;
  /** Batches sent and not yet acknowledged. Default 64. */
  readonly batchesInFlightMax?: number;
}

interface BatchInFlight {
  readonly symbol: string;
  readonly batchNumber: number;
}

/**
 * A producer's stream (`IngestAcked`). Events are gathered into batches of one symbol; what `write` or
 * `flush` answer must be awaited before going on: that is how a slow server holds its producers.
 */
export class IngestStream {
  readonly #call: IngestAckedCall;
  readonly #client: GrpcClient;
  readonly #producerId: string;
  readonly #batchEventsMax: number;
  readonly #batchesInFlightMax: number;
  readonly #writer = new IngestBatchWriter();
  readonly #inFlight: BatchInFlight[] = [];
  readonly #positions = new Map<string, BookPosition>();
  readonly #tally = new IngestTally();
  readonly #change = new Condition();
  #symbol = "";
  #nextBatchNumber: number;
  #needsDrain = false;
  #failure: DepthcastError | undefined;
  #ended = false;

  private constructor(client: GrpcClient, options: IngestStreamOptions, firstBatchNumber: number) {
    this.#client = client;
    this.#producerId = options.producerId ?? "";
    this.#batchEventsMax = options.batchEventsMax ?? 500;
    this.#batchesInFlightMax = options.batchesInFlightMax ?? 64;
    this.#nextBatchNumber = firstBatchNumber;
    this.#call = client.openIngestAcked();
    this.#call.on("data", (response: IngestAckedResponse) => this.#acknowledged(response));
    this.#call.on("error", (error: ServiceError) => this.#finish(client.translate(error)));
    this.#call.on("end", () => this.#finish(undefined));
    this.#call.on("drain", () => {
      this.#needsDrain = false;
      this.#change.changed();
    });
  }

  /** Opens a stream; with a producer id, after asking the server where that producer stands. */
  static async open(client: GrpcClient, options: IngestStreamOptions = {}): Promise<IngestStream> {
    const { producerId = "" } = options;
    const last = producerId === "" ? 0 : await client.producerPosition(producerId);
    return new IngestStream(client, options, last + 1);
  }

  get totals(): IngestTotals {
    return this.#tally.totals;
  }

  /** The symbol's position after the last batch that was acknowledged. */
  position(symbol: string): BookPosition | undefined {
    return this.#positions.get(symbol);
  }

  /**
   * Adds an event to the batch and sends the batch when it is full. A promise has to be awaited before the
   * next event; undefined means go on.
   *
   * @throws DepthcastError what the server ended the stream with; `invalid_argument` for an event that the
   *   wire cannot carry.
   */
  write(symbol: string, event: ProducerEvent): Promise<void> | undefined {
    if (symbol !== this.#symbol) {
      this.#sendBatch();
      this.#symbol = symbol;
    }
    if (this.#writer.eventCount === 0) {
      this.#writer.begin(symbol, this.#producerId, this.#nextBatchNumber);
    }
    this.#writer.add(event);
    return this.#writer.eventCount >= this.#batchEventsMax ? this.flush() : undefined;
  }

  /** Sends what is gathered. A promise has to be awaited before the next event. */
  flush(sourceTimeUnixNanos = 0n): Promise<void> | undefined {
    this.#throwFailure();
    this.#sendBatch(sourceTimeUnixNanos);
    return this.#hasRoom() ? undefined : this.#until(() => this.#hasRoom());
  }

  /** Sends what is gathered and resolves when all batches are acknowledged: durable and applied. */
  async settle(): Promise<void> {
    this.#throwFailure();
    this.#sendBatch();
    await this.#until(() => this.#inFlight.length === 0);
  }

  /** Sends what is gathered, waits for all acknowledgements and ends the stream. */
  async close(): Promise<IngestTotals> {
    await this.settle();
    this.#call.end();
    await this.#until(() => this.#ended);
    return this.totals;
  }

  /** Ends the stream at once; what was not acknowledged may or may not have been applied. */
  abort(): void {
    this.#finish(new DepthcastError(ErrorCode.aborted, "the ingest stream was aborted by its producer"));
    this.#call.cancel();
  }

  #sendBatch(sourceTimeUnixNanos = 0n): void {
    if (this.#writer.eventCount === 0) return;
    this.#inFlight.push({ symbol: this.#symbol, batchNumber: this.#nextBatchNumber });
    this.#nextBatchNumber += 1;
    if (!this.#call.write(this.#writer.take(sourceTimeUnixNanos))) this.#needsDrain = true;
  }

  #hasRoom(): boolean {
    return this.#inFlight.length < this.#batchesInFlightMax && !this.#needsDrain;
  }

  #acknowledged(response: IngestAckedResponse): void {
    const batch = this.#inFlight.shift();
    if (batch === undefined || Number(response.batchNumber) !== batch.batchNumber) {
      const expected = batch === undefined ? "none" : String(batch.batchNumber);
      this.#finish(
        new DepthcastError(
          ErrorCode.internal,
          `the server acknowledged batch ${response.batchNumber}, expected ${expected}`,
        ),
      );
      this.#call.cancel();
      return;
    }
    this.#tally.add(response);
    if (response.position !== undefined) {
      const { epoch, sequence } = response.position;
      this.#positions.set(batch.symbol, { epoch, sequence: Number(sequence) });
    }
    this.#change.changed();
  }

  #finish(failure: DepthcastError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    if (failure === undefined && this.#inFlight.length > 0) {
      this.#failure = new DepthcastError(
        ErrorCode.unavailable,
        `the server at ${this.#client.target} ended the stream before it acknowledged all batches`,
      );
    }
    this.#change.changed();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#ended) throw new DepthcastError(ErrorCode.aborted, "the ingest stream has ended");
  }

  #until(condition: () => boolean): Promise<void> {
    return this.#change.until(() => {
      if (this.#failure !== undefined) throw this.#failure;
      if (condition()) return true;
      if (this.#ended) throw new DepthcastError(ErrorCode.aborted, "the ingest stream has ended");
      return false;
    });
  }
}
