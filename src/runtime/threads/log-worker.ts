import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { type Clock, systemClock } from "../../clock.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { LIMITS } from "../../limits.ts";
import { DurableLog } from "../../log/durable-log.ts";
import type { LogWriter, WriterEvents } from "../../log/log-writer.ts";
import type { OrderLog } from "../../log/order-log.ts";
import type { RecordGroup } from "../../log/record-group.ts";
import { cannotOpen, realLogPath } from "../../log/sqlite/log-path.ts";
import { Calls } from "./calls.ts";
import type { FromLog, LogSetup, OpenedLog, ToLog } from "./log-messages.ts";
import { type Fallible, fromPlain, unwrap } from "./messages.ts";
import { threadFile } from "./thread-file.ts";

export interface SqliteLogOptions {
  /** The database file; its other files are beside it. Made where it is not there, with its folder. */
  readonly path: string;
  /** Bytes that the entries may take; beyond, nothing is taken until some are forgotten. Default: `logMaxBytes`. */
  readonly bytesMax?: number;
  readonly clock?: Clock;
}

/**
 * Opens the durable order log in SQLite files, on a thread of its own.
 *
 * @throws DepthcastError `failed_precondition` where another has it open, or where what was acknowledged is not in it; `internal` where it
 *   is damaged; `unavailable` or `resource_exhausted` for faults of the disk. Each says what can be done.
 */
export async function openSqliteLog(options: SqliteLogOptions): Promise<OrderLog> {
  const { clock = systemClock, bytesMax = LIMITS.logMaxBytes.default } = options;
  const worker = new LogWorker({
    path: realLogPath(madeFolder(options.path)),
    bytesMax,
    epoch: clock.unixNanos() / 1000n,
  });
  const log = new DurableLog({ writer: worker, clock, ...(await worker.opened), fault: undefined });
  worker.tellTo(log);
  return log;
}

/** The core's end of the log's thread. */
class LogWorker implements LogWriter {
  readonly opened: Promise<OpenedLog>;
  readonly #worker: Worker;
  readonly #calls = new Calls();
  #events: WriterEvents | undefined;
  #isClosing = false;
  #failure: DepthcastError | undefined;

  constructor(setup: LogSetup) {
    this.#worker = new Worker(threadFile("log-thread", import.meta.url), {
      workerData: setup,
      name: "order-log",
    });
    const opened = Promise.withResolvers<OpenedLog>();
    this.opened = opened.promise;
    this.#worker.on("message", (message: FromLog) => {
      if (message.kind !== "opened") this.#handle(message);
      else if ("error" in message.opened) opened.reject(fromPlain(message.opened.error));
      else opened.resolve(message.opened.value);
    });
    let cause: unknown;
    this.#worker.on("error", (error) => (cause = error));
    this.#worker.on("exit", () => {
      this.#failure = threadEnded(cause);
      opened.reject(this.#failure);
      this.#calls.end("the order log");
      if (!this.#isClosing) this.#events?.failed(this.#failure);
    });
  }

  tellTo(events: WriterEvents): void {
    this.#events = events;
    if (this.#failure !== undefined) events.failed(this.#failure);
  }

  append(group: RecordGroup, refusals: number): void {
    const message: ToLog = { kind: "append", group, refusals };
    this.#worker.postMessage(message, [group.buffer]);
  }

  async read(fromIndex: number, endIndex: number): Promise<RecordGroup> {
    return unwrap(
      await this.#calls.ask<Fallible<RecordGroup>>((call) =>
        this.#post({ kind: "read", call, fromIndex, endIndex }),
      ),
    );
  }

  async digestAt(index: number): Promise<string> {
    return unwrap(
      await this.#calls.ask<Fallible<string>>((call) => this.#post({ kind: "digest", call, index })),
    );
  }

  async truncate(beforeIndex: number): Promise<void> {
    unwrap(
      await this.#calls.ask<Fallible<undefined>>((call) =>
        this.#post({ kind: "truncate", call, beforeIndex }),
      ),
    );
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    try {
      unwrap(await this.#calls.ask<Fallible<undefined>>((call) => this.#post({ kind: "close", call })));
    } finally {
      await this.#worker.terminate();
    }
  }

  #handle(message: Exclude<FromLog, { kind: "opened" }>): void {
    switch (message.kind) {
      case "committed":
        this.#events?.committed(message.records, message.bytes, message.seconds);
        return;
      case "refused":
        this.#events?.refused(fromPlain(message.reason));
        return;
      case "fault":
        this.#events?.faultChanged(message.fault);
        return;
      case "bytes":
        this.#events?.bytesChanged(message.bytes);
        return;
      case "answer":
        this.#calls.answer(message.call, message.answer);
    }
  }

  #post(message: ToLog): void {
    this.#worker.postMessage(message);
  }
}

function madeFolder(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true });
  } catch (thrown) {
    throw cannotOpen(path, thrown);
  }
  return path;
}

function threadEnded(cause: unknown): DepthcastError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new DepthcastError(
    ErrorCode.internal,
    `the thread of the order log has ended${why}`,
    { reason: "LOG_FAILED" },
    { cause },
  );
}
