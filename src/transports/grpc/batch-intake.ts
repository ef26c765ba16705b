import type { Clock } from "../../clock.ts";
import type { BatchOutcome } from "../../engine/ingest-batch.ts";
import type { IngestPort, IngestStream } from "../../engine/ingest-port.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { encodeBatchRecord } from "../../log/record.ts";
import { decodeIngestRequest } from "../../protocol/ingest-decoder.ts";
import type { RequestReader } from "./request-reader.ts";

/**
 * Batches of one stream that are given to the log and not answered yet; more are not read. What they hold is
 * bounded over all streams; this many, so that a producer of single events is not held by each turn.
 */
const UNANSWERED_BATCHES_MAX = 256;

/** A batch that is durable and applied, or was a duplicate. */
export interface AnsweredBatch {
  readonly symbol: string;
  /** The producer's number; without a producer, the batch's place in the stream, from 1. */
  readonly number: number;
  readonly outcome: BatchOutcome;
}

/** Where the answers of a stream go. */
export interface AnswerSink {
  /** Told of each batch, in order. */
  answer(batch: AnsweredBatch): void;
  /** To be called when so many more answers are off our hands. Set by the intake. */
  onReleased: (count: number) => void;
}

export interface BatchIntakeOptions {
  readonly ingest: IngestPort;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly requests: RequestReader;
  readonly answers: AnswerSink;
  readonly metrics: { acknowledged(seconds: number): void };
}

/** A batch on its way through the log; the next one was taken after it. */
interface TakenBatch {
  readonly symbol: string;
  readonly number: number;
  readonly arrivedMs: number;
  /** What became of it: undefined while nobody knows. */
  result: BatchOutcome | { readonly thrown: unknown } | undefined;
  next: TakenBatch | undefined;
}

/**
 * Takes the batches of one producer's stream into the log. The next one is read only when there is room
 * for it, over all streams, and when not too many of this stream are unanswered: HTTP/2 flow control then
 * holds the producer.
 *
 * Reading, until the client half-closes, a batch is refused, the server ends the stream (`end`) or the call
 * is gone (`abandon`); then, unless abandoned, what was taken is still answered, and the stream is done.
 */
export class BatchIntake {
  readonly #options: BatchIntakeOptions;
  readonly #stream: IngestStream;
  readonly #done = Promise.withResolvers<void>();
  #failure: DepthcastError | undefined;
  #reading = true;
  /** A batch that was read waits until there is room for it. */
  #waitsForRoom = false;
  #isPumping = false;
  #place = 0;
  #unanswered = 0;
  /** Batches that are not answered yet, in order. */
  #first: TakenBatch | undefined;
  #last: TakenBatch | undefined;

  constructor(options: BatchIntakeOptions) {
    this.#options = options;
    this.#stream = options.ingest.openStream((reason) => this.end(reason));
  }

  /**
   * Resolves when the client has half-closed and everything is answered.
   *
   * @throws DepthcastError that ends the stream, after the answers of the batches before it.
   */
  run(): Promise<void> {
    const { requests, answers } = this.#options;
    answers.onReleased = (count) => {
      this.#unanswered -= count;
      this.#pump();
    };
    requests.onReadable = () => this.#pump();
    this.#pump();
    return this.#done.promise;
  }

  /** Reads no further; what was taken is answered before the stream ends with `reason`. */
  end(reason: DepthcastError): void {
    this.#failure ??= reason;
    this.#stopReading();
  }

  /** The call is gone: nobody waits for answers. What was taken stays. */
  abandon(): void {
    this.#drop();
    this.#stream.close();
    this.#stopReading();
  }

  /** Reads what may be read. A producer that takes no answers must hold no room, which all streams share. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      const arrivedMs = this.#options.clock.nowMs();
      while (this.#reading && !this.#waitsForRoom && this.#unanswered < UNANSWERED_BATCHES_MAX) {
        if (!this.#takeNext(arrivedMs)) break;
      }
    } finally {
      this.#isPumping = false;
    }
    this.#endIfDone();
  }

  /** False where nothing more can be taken for now. */
  #takeNext(arrivedMs: number): boolean {
    const { requests } = this.#options;
    let message: Buffer | undefined;
    try {
      message = requests.read();
    } catch (thrown) {
      this.#refuse(thrown, this.#place + 1, arrivedMs);
      return false;
    }
    if (message === undefined) {
      if (requests.over) this.#reading = false;
      return false;
    }
    const room = this.#stream.room(message.byteLength);
    if (room === undefined) this.#take(message, arrivedMs);
    else void this.#takeLater(message, arrivedMs, room);
    return true;
  }

  async #takeLater(message: Buffer, arrivedMs: number, room: Promise<void>): Promise<void> {
    this.#waitsForRoom = true;
    await room;
    this.#waitsForRoom = false;
    if (this.#reading) this.#take(message, arrivedMs);
    this.#pump();
  }

  /** Gives a batch to the log. A refusal waits for its turn, as the answers before it come first. */
  #take(message: Buffer, arrivedMs: number): void {
    this.#place += 1;
    let number = this.#place;
    try {
      const batch = decodeIngestRequest(message, this.#options.limits);
      if (batch.batchNumber !== 0) number = batch.batchNumber;
      const { symbol, producerId, batchNumber } = batch;
      const record = encodeBatchRecord(batch);
      const submitted = this.#stream.submit({ record, symbol, producerId, batchNumber });
      const taken = this.#append({ symbol, number, arrivedMs, result: undefined, next: undefined });
      this.#unanswered += 1;
      submitted.then(
        (outcome) => this.#settle(taken, outcome),
        (thrown: unknown) => this.#settle(taken, { thrown }),
      );
    } catch (thrown) {
      this.#refuse(thrown, number, arrivedMs);
    }
  }

  #append(taken: TakenBatch): TakenBatch {
    if (this.#last === undefined) this.#first = taken;
    else this.#last.next = taken;
    this.#last = taken;
    return taken;
  }

  #settle(taken: TakenBatch, result: TakenBatch["result"]): void {
    taken.result = result;
    if (taken === this.#first) this.#answerInTurn();
  }

  /** Answers the batches whose turn has come. */
  #answerInTurn(): void {
    const { answers, clock, metrics } = this.#options;
    let nowMs: number | undefined;
    for (let taken = this.#first; taken?.result !== undefined; taken = this.#first) {
      const { symbol, number, arrivedMs, result, next } = taken;
      this.#first = next;
      if (next === undefined) this.#last = undefined;
      if ("thrown" in result) {
        this.#refused(result.thrown, number);
        return;
      }
      nowMs ??= clock.nowMs();
      metrics.acknowledged((nowMs - arrivedMs) / 1000);
      answers.answer({ symbol, number, outcome: result });
    }
    this.#endIfDone();
  }

  /** The batch that was read last ends the stream, once those before it are answered. */
  #refuse(thrown: unknown, number: number, arrivedMs: number): void {
    this.#stopReading();
    this.#append({ symbol: "", number, arrivedMs, result: { thrown }, next: undefined });
    if (this.#first === this.#last) this.#answerInTurn();
  }

  /** A batch is refused: those behind it are not answered. */
  #refused(thrown: unknown, number: number): void {
    this.#drop();
    const error = DepthcastError.from(thrown);
    this.end(BLAMELESS.has(error.code) ? error : namingBatch(error, number));
  }

  #drop(): void {
    this.#first = undefined;
    this.#last = undefined;
  }

  #stopReading(): void {
    this.#reading = false;
    this.#options.requests.stop();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#reading || this.#waitsForRoom || this.#first !== undefined || this.#isPumping) return;
    this.#stream.close();
    if (this.#failure === undefined) this.#done.resolve();
    else this.#done.reject(this.#failure);
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
