import { setTimeout as sleep } from "node:timers/promises";
import type { CrossPolicy } from "../../book/instrument.ts";
import { RejectReason } from "../../book/rejection.ts";
import type { ProducerEvent } from "../../client/ingest-batch-writer.ts";
import type { IngestTotals } from "../../client/ingest-tally.ts";
import type { ProducerTotals } from "../../client/producer/producer-options.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { BookVerifier } from "./book-verifier.ts";
import { type EventLine, parseEventLine } from "./event-line.ts";
import type { EventSink } from "./event-sink.ts";
import { InputFile } from "./input-file.ts";
import { type InputLine, readInputLines } from "./input-lines.ts";
import { ProgressLine } from "./progress-line.ts";

/** Sleeping is not finer than this, so a rate is kept in steps of it. */
const RATE_STEP_MS = 5;

/** What `depthcast ingest` was asked for. */
export interface IngestRequest {
  readonly path: string;
  readonly symbol: string;
  readonly priceScale: number;
  readonly quantityScale: number;
  /** Undefined = as it is, or reject for a new instrument. */
  readonly crossPolicy: CrossPolicy | undefined;
  readonly whenNotEmpty: "refuse" | "clear" | "append";
  readonly eventsPerSecond: number;
  readonly server: string;
  readonly producerId: string;
  readonly batchSize: number;
  /** 0 = no check. */
  readonly verifyEvery: number;
}

/** One file on its way to the server. */
export class IngestRun {
  readonly #request: IngestRequest;
  readonly #sink: EventSink;
  readonly #verifier: BookVerifier;
  readonly #eventsBefore: number;
  readonly #startedAtMs = performance.now();
  #eventsSent = 0;

  constructor(request: IngestRequest, sink: EventSink, verifier: BookVerifier) {
    this.#request = request;
    this.#sink = sink;
    this.#verifier = verifier;
    this.#eventsBefore = sink.totals.acceptedEvents;
  }

  /** Sends the whole file, or what comes before `signal`. */
  async send(signal: AbortSignal): Promise<void> {
    const file = new InputFile(this.#request.path);
    const progress = new ProgressLine(
      () => this.#progress(),
      () => file.read,
    );
    try {
      for await (const lines of readInputLines(file)) {
        for (const line of lines) {
          if (signal.aborted) return;
          await this.#take(line);
        }
      }
      await this.#sink.settle();
    } finally {
      progress.end();
    }
  }

  summary(totals: IngestTotals | ProducerTotals): string {
    const { acceptedEvents, rejectedEvents, rejectedByReason } = totals;
    const accepted = acceptedEvents - this.#eventsBefore;
    const seconds = (performance.now() - this.#startedAtMs) / 1000;
    const reasons = [...rejectedByReason].map(
      ([reason, events]) => `${grouped(events)} ${reasonName(reason)}`,
    );
    const lines = [
      `accepted  ${grouped(accepted)} events`,
      `refused   ${grouped(rejectedEvents)} events${reasons.length === 0 ? "" : `: ${reasons.join(", ")}`}`,
    ];
    if ("uncountedEvents" in totals && totals.uncountedEvents > 0) lines.push(uncountedLine(totals));
    if (this.#request.verifyEvery > 0) lines.push(this.#verifiedLine());
    lines.push(
      `rate      ${grouped(Math.round(this.#eventsSent / seconds))} events/s over ${seconds.toFixed(1)} s`,
    );
    return `${lines.join("\n")}\n`;
  }

  #verifiedLine(): string {
    const { verified, seen } = this.#verifier;
    const { verifyEvery } = this.#request;
    const due = Math.floor(seen / verifyEvery);
    const every = verifyEvery === 1 ? "" : ` (every ${grouped(verifyEvery)}th of ${grouped(seen)})`;
    return `verified  ${grouped(verified)} of ${grouped(due)} checks${every}`;
  }

  async #take(line: InputLine): Promise<void> {
    if (line.text.trim() === "") return;
    const parsed = this.#parse(line);
    if (parsed.type === "check") {
      if (this.#request.verifyEvery > 0) await this.#verifier.verify(parsed.check, line.number);
      return;
    }
    const waiting = this.#send(parsed.event, line);
    if (waiting !== undefined) await waiting;
  }

  #send(event: ProducerEvent, line: InputLine): Promise<void> | undefined {
    const dueMs = this.#startedAtMs + (this.#eventsSent / this.#request.eventsPerSecond) * 1000;
    const earlyMs = dueMs - performance.now();
    this.#eventsSent += 1;
    const room = this.#onLine(line, () => this.#sink.write(this.#request.symbol, event));
    if (earlyMs <= RATE_STEP_MS) return room;
    return this.#pause(earlyMs, room);
  }

  async #pause(durationMs: number, room: Promise<void> | undefined): Promise<void> {
    await room;
    await this.#sink.flush();
    await sleep(durationMs);
  }

  #parse(line: InputLine): EventLine {
    return this.#onLine(line, () => parseEventLine(line.text, this.#request));
  }

  /** Adds the line's number to what is wrong with it. */
  #onLine<Result>(line: InputLine, task: () => Result): Result {
    try {
      return task();
    } catch (thrown) {
      const error = DepthcastError.from(thrown);
      if (error.code !== ErrorCode.invalidArgument) throw error;
      const file = this.#request.path === "-" ? "standard input" : this.#request.path;
      throw new DepthcastError(error.code, `${file}, line ${line.number}: ${error.message}`, error.details);
    }
  }

  #progress(): string {
    const seconds = (performance.now() - this.#startedAtMs) / 1000;
    const verified =
      this.#request.verifyEvery > 0 ? `, ${grouped(this.#verifier.verified)} checks equal` : "";
    return `${grouped(this.#eventsSent)} events, ${grouped(Math.round(this.#eventsSent / seconds))}/s${verified}${this.#sink.note}`;
  }
}

function uncountedLine({ uncountedEvents, uncountedBatches }: ProducerTotals): string {
  return (
    `uncounted ${grouped(uncountedEvents)} events of ${grouped(uncountedBatches)} batches: applied once, but how many ` +
    "of them were refused is not known, as a connection was lost before it was told"
  );
}

const reasonNames = new Map<unknown, string>(
  Object.entries(RejectReason).map(([name, reason]) => [
    reason,
    name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  ]),
);

function reasonName(reason: RejectReason | "unlisted"): string {
  return reason === "unlisted" ? "not listed by the server" : (reasonNames.get(reason) ?? `reason ${reason}`);
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}
