import type { Clock } from "../../clock.ts";
import type { BatchOutcome } from "../../engine/ingest-batch.ts";
import type { IngestPort, IngestStream } from "../../engine/ingest-port.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { encodeBatchRecord } from "../../log/record.ts";
import { decodeIngestRequest } from "../../protocol/ingest-decoder.ts";
import type { RequestReader } from "./request-reader.ts";

/** Batches of one stream that are given to the log and not answered yet; more are not read. */
const UNANSWERED_BATCHES_MAX = 64;

/** A batch that is durable and applied, or was a duplicate. */
export interface AnsweredBatch {
  readonly symbol: string;
  /** The producer's number; without a producer, the batch's place in the stream, from 1. */
  readonly number: number;
  readonly outcome: BatchOutcome;
}

export interface BatchIntakeOptions {
  readonly ingest: IngestPort;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly requests: RequestReader;
  /** Told of each batch, in order. `release` says that its answer is off our hands. */
  readonly answer: (batch: AnsweredBatch, release: () => void) => void;
  readonly metrics: { acknowledged(seconds: number): void };
}

/**
 * Takes the batches of one producer's stream into the log. The next one is read only when there is room
 * for it, over all streams, and when not too many of this stream are unanswered: HTTP/2 flow control then
 * holds the producer.
 *
 * Running, until the client half-closes, a batch is refused, the server ends the stream (`end`) or the call
 * is gone (`abandon`); then, unless abandoned, what was taken is still answered.
 */
export class BatchIntake {
  readonly #options: BatchIntakeOptions;
  readonly #stream: IngestStream;
  #failure: DepthcastError | undefined;
  #abandoned = false;
  /** A batch was refused: those behind it are not answered. */
  #refused = false;
  #unanswered = 0;
  #wakeReader: (() => void) | undefined;
  /** Resolves when all batches given to the log so far are answered, in their order. */
  #answered: Promise<void> = Promise.resolve();

  constructor(options: BatchIntakeOptions) {
    this.#options = options;
    this.#stream = options.ingest.openStream((reason) => this.end(reason));
  }

  /**
   * Resolves when the client has half-closed and everything is answered.
   *
   * @throws DepthcastError that ends the stream, after the answers of the batches before it.
   */
  async run(): Promise<void> {
    try {
      for (let place = 1; await this.#takeNext(place); place++);
      await this.#answered;
    } finally {
      this.#stream.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Reads no further; what was taken is answered before the stream ends with `reason`. */
  end(reason: DepthcastError): void {
    this.#failure ??= reason;
    this.#options.requests.stop();
    this.#wakeReader?.();
  }

  /** The call is gone: nobody waits for answers. What was taken stays. */
  abandon(): void {
    this.#abandoned = true;
    this.#options.requests.stop();
    this.#stream.close();
    this.#wakeReader?.();
  }

  async #takeNext(place: number): Promise<boolean> {
    const { requests, clock } = this.#options;
    // Before reading: a producer that takes no answers must hold no room, which all streams share.
    await this.#slot();
    if (this.#over) return false;
    const message = await requests.next();
    if (message === undefined || this.#over) return false;
    const arrivedMs = clock.nowMs();
    await this.#stream.room(message.byteLength);
    if (this.#over) return false;
    return this.#take(message, place, arrivedMs);
  }

  /** Gives a batch to the log. A refusal waits for its turn, as the answers before it come first. */
  #take(message: Buffer, place: number, arrivedMs: number): boolean {
    let number = place;
    try {
      const batch = decodeIngestRequest(message, this.#options.limits);
      if (batch.batchNumber !== 0) number = batch.batchNumber;
      const { symbol, producerId, batchNumber } = batch;
      const record = encodeBatchRecord({ ...batch, instrument: 0 });
      const submitted = this.#stream.submit({ record, symbol, producerId, batchNumber });
      // Looked at in its turn; a refusal before that is no unhandled one.
      submitted.catch(() => {});
      this.#unanswered += 1;
      this.#answered = this.#answerInTurn(this.#answered, submitted, symbol, number, arrivedMs);
      return true;
    } catch (thrown) {
      this.#answered = this.#answered.then(() => this.#refuse(thrown, number));
      return false;
    }
  }

  get #over(): boolean {
    return this.#abandoned || this.#failure !== undefined;
  }

  /** Waits until one more batch may be unanswered. */
  async #slot(): Promise<void> {
    while (this.#unanswered >= UNANSWERED_BATCHES_MAX && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
    }
  }

  async #answerInTurn(
    before: Promise<void>,
    submitted: Promise<BatchOutcome>,
    symbol: string,
    number: number,
    arrivedMs: number,
  ): Promise<void> {
    await before;
    if (this.#refused || this.#abandoned) return;
    try {
      const outcome = await submitted;
      const { answer, clock, metrics } = this.#options;
      metrics.acknowledged((clock.nowMs() - arrivedMs) / 1000);
      answer({ symbol, number, outcome }, () => this.#release());
    } catch (thrown) {
      this.#refuse(thrown, number);
    }
  }

  #release(): void {
    this.#unanswered -= 1;
    this.#wakeReader?.();
  }

  #refuse(thrown: unknown, number: number): void {
    if (this.#refused) return;
    this.#refused = true;
    const error = DepthcastError.from(thrown);
    this.end(BLAMELESS.has(error.code) ? error : namingBatch(error, number));
  }
}

/** Errors that are not about the batch that they end. */
const BLAMELESS: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.aborted,
  ErrorCode.unavailable,
  ErrorCode.internal,
]);

function namingBatch(error: DepthcastError, number: number): DepthcastError {
  const batch = Number.isFinite(number) ? `batch ${number}` : "a batch numbered over 2^53 - 1";
  const { details, code, message } = error;
  const metadata = { ...details.metadata, batch_number: String(number) };
  return new DepthcastError(code, `${batch}: ${message}`, { ...details, metadata }, { cause: error });
}
