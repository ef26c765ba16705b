import { sameInstrument, sameNumbers, type Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { DEFINITIONS_IN_FLIGHT_MAX, type Limits } from "../limits.ts";
import type { OrderLog } from "../log/order-log.ts";
import { encodeDefineRecord, setBatchInstrument } from "../log/record.ts";
import { fixedNumbers } from "./engine.ts";
import {
  gap,
  goingAway,
  numberWithoutProducer,
  producerWithoutNumber,
  replaced,
  tooManyDefinitions,
  tooManyProducers,
  unknownSymbol,
} from "./gate-refusals.ts";
import { GateStream, type StreamGate } from "./gate-stream.ts";
import type { BatchOutcome } from "./ingest-batch.ts";
import { IngestBudget } from "./ingest-budget.ts";
import type { EncodedBatch, IngestPort, IngestStream } from "./ingest-port.ts";
import { PendingOutcomes } from "./pending-outcomes.ts";
import type { InstrumentDirectory } from "../book/instrument-directory.ts";
import type { ProducerPositions } from "./producer-positions.ts";
import { duplicateOutcome, tooManyInstruments } from "./sequencer.ts";

export interface IngestGateOptions {
  readonly log: OrderLog;
  readonly limits: Limits;
  readonly instruments: InstrumentDirectory;
  /** The sequencer's, which alone changes them. */
  readonly producers: ProducerPositions;
  /** Events accepted so far for an instrument. */
  readonly sequence: (instrument: number) => number;
}

/**
 * In front of the log: refuses what ends a stream before it is logged, gives everything else its place,
 * and answers when the sequencer has applied it. Its view of a producer is ahead of the sequencer's by
 * what is in flight. One thread, that of the sequencer.
 */
export class IngestGate implements IngestPort, StreamGate {
  readonly #options: IngestGateOptions;
  readonly #budget: IngestBudget;
  /** Producers with a live stream or something in flight. */
  readonly #producers = new Map<string, Producer>();
  readonly #batches = new PendingOutcomes<BatchOutcome>();
  readonly #definitions = new PendingOutcomes<Instrument>();
  readonly #streams = new Set<GateStream>();
  #definitionsInFlight = 0;
  /** Why nothing is taken any more. */
  #closed: DepthcastError | undefined;

  constructor(options: IngestGateOptions) {
    this.#options = options;
    this.#budget = new IngestBudget(options.limits.ingestBytesMax);
  }

  /** Bytes received and not yet applied. */
  get bytesInFlight(): number {
    return this.#budget.bytes;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /**
   * @param received where room is given elsewhere (another thread): resolves when all that the stream has
   *   received so far was submitted here
   */
  openStream(onEnded: (reason: DepthcastError) => void, received?: () => Promise<void>): IngestStream {
    const stream = new GateStream(this, this.#budget, onEnded, received);
    this.#streams.add(stream);
    return stream;
  }

  async define(instrument: Instrument): Promise<Instrument> {
    this.#refuseWhenClosed();
    const { instruments, limits, log, sequence } = this.#options;
    const known = instruments.find(instrument.symbol);
    // None of these may grow the log, however often a stranger asks.
    if (known !== undefined && sameInstrument(known.instrument, instrument)) return known.instrument;
    if (known !== undefined && !sameNumbers(known.instrument, instrument) && sequence(known.index) > 0) {
      throw fixedNumbers(instrument.symbol);
    }
    if (known === undefined && instruments.list().length >= limits.instrumentsMax) {
      throw tooManyInstruments(limits.instrumentsMax);
    }
    if (this.#definitionsInFlight >= DEFINITIONS_IN_FLIGHT_MAX) throw tooManyDefinitions();
    this.#definitionsInFlight += 1;
    try {
      return await this.#definitions.wait(log.append(encodeDefineRecord(instrument)));
    } finally {
      this.#definitionsInFlight -= 1;
    }
  }

  async producerPosition(producerId: string): Promise<number> {
    const producer = this.#producers.get(producerId);
    if (producer !== undefined) {
      await producer.stream?.submitted();
      await producer.inFlight;
    }
    return this.#options.producers.last(producerId);
  }

  /** Told by the sequencer, in log order. */
  batchDone(index: number, outcome: BatchOutcome | DepthcastError): void {
    this.#batches.settle(index, outcome);
  }

  definitionDone(index: number, outcome: Instrument | DepthcastError): void {
    this.#definitions.settle(index, outcome);
  }

  /** Ends every stream; what is in flight is still answered. */
  stop(): void {
    this.#refuseFromNowOn(goingAway());
  }

  /** The sequencer can go on no more: ends every stream, and what is in flight as well, its outcome unknown. */
  fail(): void {
    const reason = new DepthcastError(
      ErrorCode.unavailable,
      "the engine has failed: reconnect, and ask GetProducerPosition what was applied",
      { reason: "ENGINE_FAILED" },
    );
    this.#refuseFromNowOn(reason);
    this.#batches.fail(reason);
    this.#definitions.fail(reason);
  }

  /** @internal for GateStream */
  submit(stream: GateStream, batch: EncodedBatch): Promise<BatchOutcome> {
    this.#refuseWhenClosed();
    if (batch.producerId === "") {
      if (batch.batchNumber !== 0) throw numberWithoutProducer();
      return this.#append(batch);
    }
    if (batch.batchNumber === 0) throw producerWithoutNumber(batch);
    return this.#submitNumbered(stream, batch);
  }

  /** @internal for GateStream */
  forget(stream: GateStream): void {
    this.#streams.delete(stream);
    for (const producerId of stream.producerIds) {
      const producer = this.#producers.get(producerId);
      if (producer?.stream !== stream) continue;
      producer.stream = undefined;
      if (producer.inFlightCount === 0) this.#producers.delete(producerId);
    }
  }

  #submitNumbered(stream: GateStream, batch: EncodedBatch): Promise<BatchOutcome> {
    const producer = this.#claim(stream, batch.producerId);
    const { batchNumber } = batch;
    if (batchNumber <= producer.admitted) return this.#duplicate(producer, batch);
    if (batchNumber !== producer.admitted + 1) throw gap(batch, producer.admitted + 1);
    const outcome = this.#append(batch);
    producer.admitted = batchNumber;
    producer.inFlightCount += 1;
    producer.inFlight = outcome.then(
      () => this.#landed(batch.producerId, producer),
      () => this.#landed(batch.producerId, producer),
    );
    return outcome;
  }

  /** A producer has one live stream: a newer one ends the older. */
  #claim(stream: GateStream, producerId: string): Producer {
    const { producers, limits } = this.#options;
    let producer = this.#producers.get(producerId);
    if (producer === undefined) {
      if (!this.#hasRoomFor(producerId)) throw tooManyProducers(limits.producersMax);
      const admitted = producers.last(producerId);
      producer = { admitted, stream: undefined, inFlight: undefined, inFlightCount: 0 };
      this.#producers.set(producerId, producer);
    }
    if (producer.stream !== stream) {
      const older = producer.stream;
      producer.stream = stream;
      stream.producerIds.add(producerId);
      older?.end(replaced(producerId));
    }
    return producer;
  }

  /** Counts those in too whose first batch is in flight. */
  #hasRoomFor(producerId: string): boolean {
    const { producers, limits } = this.#options;
    if (producers.last(producerId) > 0) return true;
    if (producers.size + this.#producers.size < limits.producersMax) return true;
    const newcomers = [...this.#producers.keys()].filter((id) => producers.last(id) === 0).length;
    return producers.size + newcomers < limits.producersMax;
  }

  #landed(producerId: string, producer: Producer): void {
    producer.inFlightCount -= 1;
    if (producer.inFlightCount > 0) return;
    // With nothing in flight the sequencer's position is the truth, also after a failed append.
    producer.admitted = this.#options.producers.last(producerId);
    producer.inFlight = undefined;
    if (producer.stream === undefined) this.#producers.delete(producerId);
  }

  /** Answers once the batch that has the number is applied. */
  async #duplicate(producer: Producer, batch: EncodedBatch): Promise<BatchOutcome> {
    await producer.inFlight;
    const { log, producers, instruments, sequence } = this.#options;
    if (producers.last(batch.producerId) < batch.batchNumber) {
      throw new DepthcastError(
        ErrorCode.unavailable,
        `batch ${batch.batchNumber} could not be logged: send it again`,
      );
    }
    const index = instruments.find(batch.symbol)?.index;
    return duplicateOutcome(log.epoch, index === undefined ? 0 : sequence(index));
  }

  #append(batch: EncodedBatch): Promise<BatchOutcome> {
    const listed = this.#options.instruments.find(batch.symbol);
    if (listed === undefined) throw unknownSymbol(batch);
    setBatchInstrument(batch.record, listed.index);
    return this.#batches.wait(this.#options.log.append(batch.record));
  }

  #refuseFromNowOn(reason: DepthcastError): void {
    this.#closed ??= reason;
    for (const stream of this.#streams) stream.end(reason);
  }

  #refuseWhenClosed(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }
}

interface Producer {
  /** The last number given a place. */
  admitted: number;
  stream: GateStream | undefined;
  /** Settles when everything submitted so far has landed. */
  inFlight: Promise<void> | undefined;
  inFlightCount: number;
}
