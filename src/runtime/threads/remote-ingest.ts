import type { Instrument } from "../../book/instrument.ts";
import { DepthcastError, ErrorCode, invariant } from "../../errors.ts";
import type { BatchOutcome } from "../../engine/ingest-batch.ts";
import { IngestBudget } from "../../engine/ingest-budget.ts";
import type { EncodedBatch, IngestPort, IngestStream } from "../../engine/ingest-port.ts";
import { StreamRoom } from "../../engine/stream-room.ts";
import type { Calls } from "./calls.ts";
import {
  type Fallible,
  fromPlain,
  type FromGateway,
  isPlainError,
  type SubmitOutcome,
  unwrap,
} from "./messages.ts";
import type { Outbox } from "./outbox.ts";

export interface RemoteIngestOptions {
  readonly epoch: bigint;
  /** This gateway's share of what may be received and not yet applied. */
  readonly bytesMax: number;
  readonly outbox: Outbox<FromGateway>;
  readonly calls: Calls;
}

/** The way into the order log from a gateway's thread: room is given here, everything else in the core. */
export class RemoteIngest implements IngestPort {
  readonly #options: RemoteIngestOptions;
  readonly #budget: IngestBudget;
  readonly #streams = new Map<number, RemoteStream>();
  readonly #submitted = new Map<number, PromiseWithResolvers<BatchOutcome>>();
  #lastStream = 0;
  #lastToken = 0;

  constructor(options: RemoteIngestOptions) {
    this.#options = options;
    this.#budget = new IngestBudget(options.bytesMax);
  }

  /** Bytes received and not yet applied. */
  get bytesInFlight(): number {
    return this.#budget.bytes;
  }

  openStream(onEnded: (reason: DepthcastError) => void): IngestStream {
    this.#lastStream += 1;
    const number = this.#lastStream;
    const stream = new RemoteStream({
      number,
      budget: this.#budget,
      onEnded,
      submit: (batch) => this.#submit(number, batch),
      onClosed: () => {
        this.#streams.delete(number);
        this.#options.outbox.push({ kind: "close", stream: number });
      },
    });
    this.#streams.set(number, stream);
    this.#options.outbox.push({ kind: "open", stream: number });
    return stream;
  }

  async define(instrument: Instrument): Promise<Instrument> {
    const { calls, outbox } = this.#options;
    return unwrap(
      await calls.ask<Fallible<Instrument>>((call) => outbox.push({ kind: "define", call, instrument })),
    );
  }

  async producerPosition(producerId: string): Promise<number> {
    const { calls, outbox } = this.#options;
    return unwrap(
      await calls.ask<Fallible<number>>((call) => outbox.push({ kind: "position", call, producerId })),
    );
  }

  /** The core tells what became of batches. */
  outcomes(outcomes: readonly SubmitOutcome[]): void {
    for (const { token, outcome } of outcomes) {
      const waiting = this.#submitted.get(token);
      invariant(waiting !== undefined, "an outcome is of a batch that was submitted");
      this.#submitted.delete(token);
      if (isPlainError(outcome)) waiting.reject(fromPlain(outcome));
      else waiting.resolve({ ...outcome, epoch: this.#options.epoch });
    }
  }

  /** The core has ended a stream. */
  ended(stream: number, reason: DepthcastError): void {
    this.#streams.get(stream)?.end(reason);
  }

  /** Resolves when what a stream has received so far is on its way to the core. */
  async received(stream: number): Promise<void> {
    await this.#streams.get(stream)?.received();
  }

  #submit(stream: number, batch: EncodedBatch): Promise<BatchOutcome> {
    this.#lastToken += 1;
    const token = this.#lastToken;
    const waiting = Promise.withResolvers<BatchOutcome>();
    this.#submitted.set(token, waiting);
    this.#options.outbox.push({ kind: "submit", stream, token, batch }, batch.record);
    return waiting.promise;
  }
}

interface RemoteStreamOptions {
  readonly number: number;
  readonly budget: IngestBudget;
  readonly onEnded: (reason: DepthcastError) => void;
  readonly submit: (batch: EncodedBatch) => Promise<BatchOutcome>;
  readonly onClosed: () => void;
}

class RemoteStream implements IngestStream {
  readonly #options: RemoteStreamOptions;
  readonly #room: StreamRoom;
  #ended: DepthcastError | undefined;

  constructor(options: RemoteStreamOptions) {
    this.#options = options;
    this.#room = new StreamRoom(options.budget);
  }

  room(byteLength: number): Promise<void> | undefined {
    return this.#room.ask(byteLength);
  }

  submit(batch: EncodedBatch): Promise<BatchOutcome> {
    if (this.#ended !== undefined) throw this.#ended;
    const outcome = this.#options.submit(batch);
    this.#room.holdUntil(outcome);
    return outcome;
  }

  received(): Promise<void> {
    return this.#room.received();
  }

  end(reason: DepthcastError): void {
    if (this.#ended !== undefined) return;
    this.#finish(reason);
    this.#options.onEnded(reason);
  }

  close(): void {
    if (this.#ended === undefined)
      this.#finish(new DepthcastError(ErrorCode.aborted, "the stream has ended"));
  }

  #finish(reason: DepthcastError): void {
    this.#ended = reason;
    this.#room.leave();
    this.#options.onClosed();
  }
}
