import { type ClientClock, type Timer, clientClock } from "../../clock.ts";
import { DepthcastError, ErrorCode, invariant } from "../../errors.ts";
import type { IngestAckedResponse } from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import { Condition } from "../condition.ts";
import { IngestBatchWriter, type ProducerEvent } from "../ingest-batch-writer.ts";
import { IngestTally } from "../ingest-tally.ts";
import type { BookPosition } from "../market-update.ts";
import { Backoff } from "../backoff.ts";
import { type KeptBatch, KeptBatches } from "./kept-batches.ts";
import {
  acknowledgedLost,
  gaveUp,
  isOfAnotherLog,
  isPassing,
  notInTurn,
  producerAhead,
  producerClosed,
  producerFailed,
} from "./producer-faults.ts";
import {
  checkOptions,
  type ProducerOptions,
  type ProducerStatus,
  type ProducerTotals,
  targetsOf,
} from "./producer-options.ts";
import { type KnownPlace, otherLog, ProducerLink } from "./producer-link.ts";
import { type RejectedEvent, readRejectedEvents } from "./rejected-event.ts";

/** A batch with as many bytes is sent, however few its events: a quarter of what a server takes by default. */
const BATCH_BYTES_MAX = 1024 * 1024;

/** The life of a producer; `#become` is the one place that changes it. */
type State =
  /** Sends, and takes acknowledgements. Loses its link, or is closed. */
  | {
      readonly phase: "connected";
      readonly link: ProducerLink;
      readonly sinceMs: number;
      readonly writable: boolean;
    }
  /** Waits for its turn to connect again. */
  | { readonly phase: "waiting"; readonly timer: Timer; readonly cause: DepthcastError }
  /** Asks the server where it stands. Becomes connected, waits again, or has failed. */
  | { readonly phase: "connecting"; readonly cause: DepthcastError }
  /** Over: the user ended it. */
  | { readonly phase: "closed" }
  /** Over: nothing that it could do would be right. Every call throws the error. */
  | { readonly phase: "failed"; readonly error: DepthcastError };

/**
 * A producer whose every batch is applied exactly once, whatever happens to the connection or the server. Events are
 * gathered into batches of one symbol, by count, bytes and time; what is not acknowledged is kept. After a lost
 * connection it connects again by itself, asks the server how far it has come, sends the rest again and goes on.
 *
 * It stops for good, and says so, where that would not be right: another producer took its id over, the server
 * refuses a batch, or has forgotten what it acknowledged. What `write` answers has to be awaited: that is how a
 * server that is slow or gone holds its producers.
 */
export class Producer {
  readonly #targets: readonly string[];
  readonly #producerId: string;
  readonly #batchEventsMax: number;
  readonly #batchesInFlightMax: number;
  readonly #lingerMs: number;
  readonly #keptBytesMax: number;
  readonly #clock: ClientClock;
  readonly #onStatus: ((status: ProducerStatus) => void) | undefined;
  readonly #onRejected: ((rejected: RejectedEvent) => void) | undefined;
  readonly #backoff: Backoff;
  readonly #writer = new IngestBatchWriter();
  readonly #kept = new KeptBatches();
  readonly #tally = new IngestTally();
  readonly #positions = new Map<string, BookPosition>();
  readonly #change = new Condition();
  #state: State;
  /** The last one with which it was connected. */
  #home: string;
  /** Of the targets, the one to try next. */
  #turn: number;
  #closing = false;
  /** The symbol of the batch under way. */
  #symbol = "";
  #linger: Timer | undefined;
  /** The last batch that was made, and the last that the server has. */
  #lastMade: number;
  #acknowledged: number;
  #known: KnownPlace | undefined;
  #uncountedBatches = 0;
  #uncountedEvents = 0;

  private constructor(options: ProducerOptions, link: ProducerLink) {
    this.#targets = targetsOf(options);
    this.#home = link.target;
    this.#turn = this.#targets.indexOf(link.target);
    this.#producerId = options.producerId;
    this.#batchEventsMax = options.batchEventsMax ?? 500;
    this.#lingerMs = options.lingerMs ?? 5;
    this.#batchesInFlightMax = options.batchesInFlightMax ?? 64;
    this.#keptBytesMax = options.keptBytesMax ?? 8 * 1024 * 1024;
    this.#clock = options.clock ?? clientClock;
    this.#onStatus = options.onStatus;
    this.#onRejected = options.onRejected;
    this.#known = options.known;
    this.#backoff = new Backoff(options.backoff ?? {}, this.#clock, options.random ?? Math.random);
    this.#lastMade = link.position;
    this.#acknowledged = link.position;
    this.#state = this.#started(link);
  }

  /**
   * Connects, once with each target until one answers, so that a wrong address is told at once.
   *
   * @throws DepthcastError `unavailable` where no server is; `invalid_argument` for an id or a bound that cannot be.
   */
  static async open(options: ProducerOptions): Promise<Producer> {
    checkOptions(options);
    let failure = new DepthcastError(ErrorCode.invalidArgument, "target: must name a server", {
      field: "target",
    });
    for (const target of targetsOf(options)) {
      try {
        return new Producer(options, await openLink(options, target));
      } catch (thrown) {
        failure = DepthcastError.from(thrown);
        if (!isPassing(failure) && !isOfAnotherLog(failure)) break;
      }
    }
    throw failure;
  }

  /** Connected, connecting again, or why it has ended. */
  get status(): ProducerStatus {
    const state = this.#state;
    switch (state.phase) {
      case "connected":
        return { phase: "connected" };
      case "waiting":
      case "connecting":
        return { phase: "reconnecting", attempts: this.#backoff.attempts, cause: state.cause };
      default:
        return state;
    }
  }

  /** What became of the events that are acknowledged so far. */
  get totals(): ProducerTotals {
    return {
      ...this.#tally.totals,
      uncountedBatches: this.#uncountedBatches,
      uncountedEvents: this.#uncountedEvents,
    };
  }

  /** The producer's last batch that is durable and applied. */
  get acknowledgedBatch(): number {
    return this.#acknowledged;
  }

  /** The symbol's position after the last batch that was acknowledged. */
  position(symbol: string): BookPosition | undefined {
    return this.#positions.get(symbol);
  }

  /**
   * Adds an event to the batch. A promise has to be awaited before the next event: no more is kept for now;
   * undefined means go on.
   *
   * @throws DepthcastError why the producer has stopped; `invalid_argument` for an event that the wire cannot
   *   carry; `resource_exhausted` for a caller that does not wait.
   */
  write(symbol: string, event: ProducerEvent): Promise<void> | undefined {
    this.#throwIfOver();
    if (this.#keptBytes >= 2 * this.#keptBytesMax) throw doesNotWait(this.#keptBytesMax);
    if (symbol !== this.#symbol) {
      this.#makeBatch(0n);
      this.#symbol = symbol;
    }
    const isFirst = this.#writer.eventCount === 0;
    if (isFirst) this.#writer.begin(symbol, this.#producerId, this.#lastMade + 1);
    this.#writer.add(event);
    if (isFirst) this.#linger = this.#clock.setTimer(this.#lingerMs, () => this.#makeBatch(0n));
    if (this.#writer.eventCount >= this.#batchEventsMax || this.#writer.byteLength >= BATCH_BYTES_MAX) {
      this.#makeBatch(0n);
    }
    return this.#hasRoom() ? undefined : this.#until(() => this.#hasRoom());
  }

  /** Sends the batch under way now, as if its time were over. @param sourceTimeUnixNanos 0 = unknown */
  send(sourceTimeUnixNanos = 0n): void {
    this.#throwIfOver();
    this.#makeBatch(sourceTimeUnixNanos);
  }

  /**
   * Sends what is gathered and resolves when everything written so far is durable and applied.
   *
   * @throws DepthcastError why the producer has stopped.
   */
  async flush(): Promise<void> {
    this.send();
    const last = this.#lastMade;
    await this.#until(() => this.#acknowledged >= last);
  }

  /** Resolves when there is a connection. @throws DepthcastError why the producer has stopped. */
  connected(): Promise<void> {
    return this.#until(() => this.#state.phase === "connected");
  }

  /** As `flush`; then ends the connection. Nothing can be written from the call on. */
  async close(): Promise<ProducerTotals> {
    const flushed = this.flush();
    this.#closing = true;
    await flushed;
    this.abort();
    return this.totals;
  }

  /** Ends the producer at once; what was not acknowledged may or may not have been applied. Idempotent. */
  abort(): void {
    if (!isOver(this.#state)) this.#become({ phase: "closed" });
  }

  get #keptBytes(): number {
    return this.#kept.bytes + this.#writer.byteLength;
  }

  #hasRoom(): boolean {
    return this.#keptBytes < this.#keptBytesMax;
  }

  #makeBatch(sourceTimeUnixNanos: bigint): void {
    this.#linger?.cancel();
    this.#linger = undefined;
    const { eventCount } = this.#writer;
    if (eventCount === 0) return;
    const bytes = this.#writer.take(sourceTimeUnixNanos);
    this.#lastMade += 1;
    this.#kept.push({ symbol: this.#symbol, number: this.#lastMade, eventCount, bytes });
    this.#pump();
  }

  /** Sends what may be sent now. */
  #pump(): void {
    const state = this.#state;
    if (state.phase !== "connected" || !state.writable) return;
    while (this.#kept.sentCount < this.#batchesInFlightMax) {
      const batch = this.#kept.send();
      if (batch === undefined) return;
      if (state.link.send(batch.bytes)) continue;
      this.#become({ ...state, writable: false });
      return;
    }
  }

  /** Opens the stream of a link whose position is where this producer stands. */
  #started(link: ProducerLink): State {
    const connected = { phase: "connected", link, sinceMs: this.#clock.nowMs(), writable: true } as const;
    link.start({
      acknowledged: (response) => this.#onAcknowledgement(response),
      writable: () => {
        this.#become(connected);
        this.#pump();
      },
      lost: (cause) => {
        this.#backoff.lasted(this.#clock.nowMs() - connected.sinceMs);
        this.#onLost(cause);
      },
    });
    return connected;
  }

  #onAcknowledgement(response: IngestAckedResponse): void {
    const batch = this.#kept.acknowledge(Number(response.batchNumber));
    if (batch === undefined) {
      this.#fail(notInTurn(response.batchNumber));
      return;
    }
    const { position } = response;
    if (position !== undefined) {
      const { epoch, sequence } = position;
      if (this.#known !== undefined && this.#known.epoch !== epoch) {
        this.#fail(otherLog(this.#home));
        return;
      }
      this.#known = { symbol: batch.symbol, epoch };
      this.#positions.set(batch.symbol, { epoch, sequence: Number(sequence) });
    }
    this.#tally.add(response);
    if (response.duplicate) this.#countUncounted(batch);
    this.#acknowledged = batch.number;
    this.#backoff.succeeded();
    this.#pump();
    this.#change.changed();
    if (this.#onRejected === undefined || response.rejections.length === 0) return;
    for (const rejected of readRejectedEvents(batch, response)) this.#onRejected(rejected);
  }

  #onLost(cause: DepthcastError): void {
    if (!isPassing(cause)) {
      this.#fail(cause);
      return;
    }
    this.#tryAgain(cause);
  }

  #tryAgain(cause: DepthcastError): void {
    const delayMs = this.#backoff.next();
    if (delayMs === undefined) {
      this.#fail(gaveUp(cause, this.#backoff.attempts));
      return;
    }
    const timer = this.#clock.setTimer(delayMs, () => void this.#connect(cause));
    this.#become({ phase: "waiting", timer, cause });
  }

  async #connect(cause: DepthcastError): Promise<void> {
    const connecting: State = { phase: "connecting", cause };
    this.#become(connecting);
    const target = this.#nextTarget();
    let link: ProducerLink | undefined;
    try {
      link = await ProducerLink.open({ target, producerId: this.#producerId });
      this.#checkPosition(target, link.position);
      if (this.#known !== undefined) await link.expectLogOf(this.#known);
      if (this.#state === connecting) this.#resume(link);
      else link.close();
    } catch (thrown) {
      link?.close();
      if (this.#state === connecting) this.#notConnected(target, DepthcastError.from(thrown));
    }
  }

  /** Another log is a reason to stop where it is in place of the known one, not where it is somewhere else. */
  #notConnected(target: string, cause: DepthcastError): void {
    if (target !== this.#home && isOfAnotherLog(cause)) this.#tryAgain(cause);
    else this.#onLost(cause);
  }

  #nextTarget(): string {
    this.#turn = (this.#turn + 1) % this.#targets.length;
    return this.#targets[this.#turn]!;
  }

  /** Goes on where the server stands. */
  #resume(link: ProducerLink): void {
    this.#kept.rewind();
    for (const batch of this.#kept.takeThrough(link.position)) this.#countUncounted(batch);
    if (link.position > this.#acknowledged) this.#backoff.succeeded();
    this.#acknowledged = link.position;
    this.#home = link.target;
    this.#become(this.#started(link));
    this.#pump();
  }

  #checkPosition(target: string, position: number): void {
    if (position < this.#acknowledged) throw acknowledgedLost(target, position, this.#acknowledged);
    if (position > this.#lastMade) throw producerAhead(target, position, this.#lastMade);
  }

  #countUncounted({ eventCount }: KeptBatch): void {
    this.#uncountedBatches += 1;
    this.#uncountedEvents += eventCount;
  }

  #fail(cause: DepthcastError): void {
    this.#become({ phase: "failed", error: producerFailed(this.#producerId, this.#acknowledged, cause) });
  }

  /** The one place that changes the state: leaves the old one, and tells those who wait or look. */
  #become(next: State): void {
    const last = this.#state;
    invariant(!isOver(last), "a producer that is over stays so");
    const link = next.phase === "connected" ? next.link : undefined;
    if (last.phase === "connected" && last.link !== link) last.link.close();
    if (last.phase === "waiting") last.timer.cancel();
    if (isOver(next)) this.#linger?.cancel();
    this.#state = next;
    this.#change.changed();
    if (next.phase !== last.phase && next.phase !== "connecting") this.#onStatus?.(this.status);
  }

  #throwIfOver(): void {
    if (this.#state.phase === "failed") throw this.#state.error;
    if (this.#state.phase === "closed" || this.#closing)
      throw producerClosed(this.#producerId, this.#acknowledged);
  }

  /** Resolves when `holds`. @throws DepthcastError why that will not be any more. */
  #until(holds: () => boolean): Promise<void> {
    return this.#change.until(() => {
      if (this.#state.phase === "failed") throw this.#state.error;
      if (holds()) return true;
      if (this.#state.phase === "closed") throw producerClosed(this.#producerId, this.#acknowledged);
      return false;
    });
  }
}

async function openLink({ producerId, known }: ProducerOptions, target: string): Promise<ProducerLink> {
  const link = await ProducerLink.open({ target, producerId });
  try {
    if (known !== undefined) await link.expectLogOf(known);
    return link;
  } catch (thrown) {
    link.close();
    throw thrown;
  }
}

function isOver(state: State): boolean {
  return state.phase === "closed" || state.phase === "failed";
}

function doesNotWait(keptBytesMax: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.resourceExhausted,
    `over twice ${keptBytesMax} bytes wait for their acknowledgement: await what write() answers`,
    { reason: "KEPT_BYTES_MAX" },
  );
}
