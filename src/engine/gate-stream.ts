import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { BatchOutcome } from "./ingest-batch.ts";
import type { IngestBudget } from "./ingest-budget.ts";
import type { EncodedBatch, IngestStream } from "./ingest-port.ts";

/** The gate as one of its streams sees it. */
export interface StreamGate {
  /** Gives a batch its place. @throws DepthcastError as `IngestStream.submit`. */
  submit(stream: GateStream, batch: EncodedBatch): Promise<BatchOutcome>;
  /** The stream has ended. */
  forget(stream: GateStream): void;
}

/** One stream of the ingest gate: its share of the budget, and its end. Same thread as the gate. */
export class GateStream implements IngestStream {
  readonly #gate: StreamGate;
  readonly #budget: IngestBudget;
  readonly #onEnded: (reason: DepthcastError) => void;
  readonly #receivedElsewhere: (() => Promise<void>) | undefined;
  /** Whose live stream this is or was. */
  readonly producerIds = new Set<string>();
  #ended: DepthcastError | undefined;
  /** Bytes that have been given room and belong to no batch yet. */
  #reserved = 0;
  /** Room was asked for, and the batch was not submitted yet. */
  #isReceiving = false;
  /** For those who wait until it is. */
  #receiving: PromiseWithResolvers<void> | undefined;

  constructor(
    gate: StreamGate,
    budget: IngestBudget,
    onEnded: (reason: DepthcastError) => void,
    receivedElsewhere: (() => Promise<void>) | undefined,
  ) {
    this.#gate = gate;
    this.#budget = budget;
    this.#onEnded = onEnded;
    this.#receivedElsewhere = receivedElsewhere;
  }

  room(byteLength: number): Promise<void> | undefined {
    invariant(this.#reserved === 0, "room is taken for one batch at a time");
    if (this.#ended !== undefined) return undefined;
    this.#isReceiving = true;
    const taken = this.#budget.take(byteLength, this);
    if (taken !== true) return this.#wait(byteLength, taken);
    this.#reserved = byteLength;
    return undefined;
  }

  submit(batch: EncodedBatch): Promise<BatchOutcome> {
    if (this.#ended !== undefined) throw this.#ended;
    let outcome: Promise<BatchOutcome>;
    try {
      outcome = this.#gate.submit(this, batch);
    } catch (refusal) {
      // Nothing after a batch that ends its stream may be applied, whatever the transport has in hand.
      this.#finish(DepthcastError.from(refusal));
      throw refusal;
    }
    const bytes = this.#reserved;
    this.#reserved = 0;
    this.#received();
    const giveBack = () => this.#budget.giveBack(bytes);
    // Before whoever is answered goes on.
    outcome.then(giveBack, (failure: unknown) => {
      giveBack();
      // Nor may anything be applied after one that could not be logged.
      if (this.#ended === undefined) this.#finish(DepthcastError.from(failure));
    });
    return outcome;
  }

  /** Resolves when what the stream has received so far was submitted. */
  submitted(): Promise<void> {
    if (this.#receivedElsewhere !== undefined) return this.#receivedElsewhere();
    if (!this.#isReceiving) return Promise.resolve();
    this.#receiving ??= Promise.withResolvers();
    return this.#receiving.promise;
  }

  end(reason: DepthcastError): void {
    if (this.#ended !== undefined) return;
    this.#finish(reason);
    this.#onEnded(reason);
  }

  close(): void {
    if (this.#ended === undefined)
      this.#finish(new DepthcastError(ErrorCode.aborted, "the stream has ended"));
  }

  async #wait(byteLength: number, taken: Promise<boolean>): Promise<void> {
    if (!(await taken)) return;
    // It may have ended meanwhile.
    if (this.#ended === undefined) this.#reserved = byteLength;
    else this.#budget.giveBack(byteLength);
  }

  #finish(reason: DepthcastError): void {
    this.#ended = reason;
    this.#budget.leave(this);
    this.#budget.giveBack(this.#reserved);
    this.#reserved = 0;
    this.#received();
    this.#gate.forget(this);
  }

  #received(): void {
    this.#isReceiving = false;
    this.#receiving?.resolve();
    this.#receiving = undefined;
  }
}
