import { once } from "node:events";
import { type Transferable, Worker } from "node:worker_threads";
import type { Instrument } from "../../book/instrument.ts";
import type { EngineLink } from "../../engine/engine-link.ts";
import type { EngineTurn } from "../../engine/engine-turn.ts";
import { invariant } from "../../errors.ts";
import type { LogRules } from "../../log/record.ts";
import type { BookSnapshot } from "../../log/snapshot/snapshot.ts";
import { Calls } from "./calls.ts";
import { buffersOf } from "./book-buffers.ts";
import {
  type EngineSetup,
  type EngineTask,
  type Fallible,
  type FromEngine,
  type HashesAnswer,
  type IntegrityAnswer,
  type ToEngine,
  unwrap,
} from "./messages.ts";
import { threadFile } from "./thread-file.ts";

/** Tasks and bytes under way to an engine; with more, the log waits. In a replay no ingest budget bounds them. */
const TASKS_MAX = 16_384;
const TASK_BYTES_MAX = 32 * 1024 * 1024;

interface PostedTurn {
  readonly tasks: number;
  readonly bytes: number;
}

export interface EngineWorkerOptions {
  readonly setup: EngineSetup;
  readonly onTurn: (turn: EngineTurn) => void;
  /** The thread has ended though nobody stopped it. */
  readonly onDeath: (why: unknown) => void;
}

/** The core's end of an engine on a thread of its own. */
export class EngineWorker implements EngineLink {
  readonly #worker: Worker;
  readonly #onTurn: (turn: EngineTurn) => void;
  readonly #calls = new Calls();
  readonly control: Promise<SharedArrayBuffer>;
  #tasks: EngineTask[] = [];
  #taskBytes = 0;
  /** In the order in which they are answered. */
  readonly #posted: PostedTurn[] = [];
  #tasksUnderWay = 0;
  #bytesUnderWay = 0;
  #hasRoom: PromiseWithResolvers<void> | undefined;
  #stopping = false;

  constructor({ setup, onTurn, onDeath }: EngineWorkerOptions) {
    this.#onTurn = onTurn;
    this.#worker = new Worker(threadFile("engine-thread", import.meta.url), {
      workerData: setup,
      name: "engine",
    });
    const ready = Promise.withResolvers<SharedArrayBuffer>();
    this.control = ready.promise;
    this.#worker.on("message", (message: FromEngine) => {
      if (message.kind === "ready") ready.resolve(message.control);
      else this.#handle(message);
    });
    let cause: unknown;
    this.#worker.on("error", (error) => (cause = error));
    this.#worker.on("exit", () => {
      const why = cause ?? new Error("an engine thread has ended");
      ready.reject(why);
      this.#calls.end("the engine");
      this.#hasRoom?.resolve();
      if (!this.#stopping) onDeath(why);
    });
    // Whoever waits for it is told by `onDeath` as well.
    ready.promise.catch(() => {});
  }

  setRules(logIndex: number, rules: LogRules): void {
    this.#tasks.push({ logIndex, rules });
  }

  define(logIndex: number, instrument: number, definition: Instrument): void {
    this.#tasks.push({ logIndex, instrument, definition });
  }

  apply(logIndex: number, record: ArrayBuffer): void {
    // Not transferred: the log may keep it.
    this.#tasks.push({ logIndex, record });
    this.#taskBytes += record.byteLength;
  }

  endTurn(): Promise<void> | undefined {
    if (this.#tasks.length > 0) {
      this.#posted.push({ tasks: this.#tasks.length, bytes: this.#taskBytes });
      this.#tasksUnderWay += this.#tasks.length;
      this.#bytesUnderWay += this.#taskBytes;
      this.#post({ kind: "turn", tasks: this.#tasks });
      this.#tasks = [];
      this.#taskBytes = 0;
    }
    if (!this.#isFull()) return undefined;
    this.#hasRoom ??= Promise.withResolvers();
    return this.#hasRoom.promise;
  }

  async exportBook(instrument: number): Promise<BookSnapshot> {
    return unwrap(
      await this.#calls.ask<Fallible<BookSnapshot>>((call) =>
        this.#post({ kind: "export", call, instrument }),
      ),
    );
  }

  async restoreBook(book: BookSnapshot): Promise<void> {
    unwrap(
      await this.#calls.ask<Fallible<void>>((call) =>
        this.#post({ kind: "restore", call, book }, buffersOf(book)),
      ),
    );
  }

  /** A gateway's end of the board. */
  addReader(reader: number, port: MessagePort): void {
    const message: ToEngine = { kind: "reader", reader, port };
    this.#worker.postMessage(message, [port]);
  }

  /** A gateway's thread has exited; resolves when its number may be given to another. */
  dropReader(reader: number): Promise<void> {
    return this.#calls.ask((call) => this.#post({ kind: "reader_gone", call, reader }));
  }

  checkIntegrity(): Promise<IntegrityAnswer> {
    return this.#calls.ask((call) => this.#post({ kind: "integrity", call }));
  }

  stateHashes(): Promise<HashesAnswer> {
    return this.#calls.ask((call) => this.#post({ kind: "hashes", call }));
  }

  metricsText(): Promise<string> {
    return this.#calls.ask((call) => this.#post({ kind: "metrics", call }));
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#worker.terminate();
  }

  /** Ends the thread as a fault would, for tests. */
  async kill(): Promise<void> {
    const exited = once(this.#worker, "exit");
    await this.#worker.terminate();
    await exited;
  }

  #handle(message: Exclude<FromEngine, { kind: "ready" }>): void {
    if (message.kind === "answer") {
      this.#calls.answer(message.call, message.answer);
      return;
    }
    const answered = this.#posted.shift();
    invariant(answered !== undefined, "an engine answers the turns that it was given");
    this.#tasksUnderWay -= answered.tasks;
    this.#bytesUnderWay -= answered.bytes;
    if (!this.#isFull()) {
      this.#hasRoom?.resolve();
      this.#hasRoom = undefined;
    }
    this.#onTurn(message.turn);
  }

  #isFull(): boolean {
    return this.#tasksUnderWay > TASKS_MAX || this.#bytesUnderWay > TASK_BYTES_MAX;
  }

  #post(message: ToEngine, transfer: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}
