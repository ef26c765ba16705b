import { DepthcastError, ErrorCode } from "../errors.ts";
import type { BatchOutcome } from "./ingest-batch.ts";
import type { IngestBudget } from "./ingest-budget.ts";
import type { EncodedBatch, IngestStream } from "./ingest-port.ts";
import { StreamRoom } from "./stream-room.ts";

/** The gate as one of its streams sees it. */
export interface StreamGate {
  /** Gives a batch its place. @throws DepthcastError as `IngestStream.submit`. */
  submit(stream: GateStream, batch: EncodedBatch): Promise<BatchOutcome>;
  /** The stream has ended. */
  forget(stream: GateStream): void;
}

/** One stream of the ingest gate: its room in the budget, and its end. Same thread as the gate. */
export class GateStream implements IngestStream {
  readonly #gate: StreamGate;
  readonly #room: StreamRoom;
  readonly #onEnded: (reason: DepthcastError) => void;
  readonly #receivedElsewhere: (() => Promise<void>) | undefined;
  /** Whose live stream this is or was. */
  readonly producerIds = new Set<string>();
  #ended: DepthcastError | undefined;

  constructor(
    gate: StreamGate,
    budget: IngestBudget,
    onEnded: (reason: DepthcastError) => void,
    receivedElsewhere: (() => Promise<void>) | undefined,
  ) {
    this.#gate = gate;
    this.#room = new StreamRoom(budget);
    this.#onEnded = onEnded;
    this.#receivedElsewhere = receivedElsewhere;
  }

  room(byteLength: number): Promise<void> | undefined {
    return this.#room.ask(byteLength);
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
    this.#room.holdUntil(outcome, (failure) => {
      // Nor may anything be applied after one that could not be logged.
      if (this.#ended === undefined) this.#finish(DepthcastError.from(failure));
    });
    return outcome;
  }

  /** Resolves when what the stream has received so far was submitted. */
  submitted(): Promise<void> {
    return this.#receivedElsewhere === undefined ? this.#room.received() : this.#receivedElsewhere();
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

  #finish(reason: DepthcastError): void {
    this.#ended = reason;
    this.#room.leave();
    this.#gate.forget(this);
  }
}
