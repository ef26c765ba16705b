import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Instrument } from "../../book/instrument.ts";
import type { EngineLink } from "../../engine/engine-link.ts";
import type { EngineTurn } from "../../engine/engine-turn.ts";
import type { LogRules } from "../../log/record.ts";
import { Calls } from "./calls.ts";
import type {
  EngineSetup,
  EngineTask,
  FromEngine,
  HashesAnswer,
  IntegrityAnswer,
  ToEngine,
} from "./messages.ts";
import { threadFile } from "./thread-file.ts";

/** Tasks under way to an engine; with more, the log waits. */
const TASKS_MAX = 16_384;

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
  #underWay = 0;
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

  define(logIndex: number, instrument: number, definition: Instrument, rules: LogRules): void {
    this.#tasks.push({ logIndex, instrument, definition, rules });
  }

  apply(logIndex: number, record: ArrayBuffer): void {
    // Not transferred: the log may keep it.
    this.#tasks.push({ logIndex, record });
  }

  endTurn(): Promise<void> | undefined {
    if (this.#tasks.length > 0) {
      this.#underWay += this.#tasks.length;
      this.#post({ kind: "turn", tasks: this.#tasks });
      this.#tasks = [];
    }
    if (this.#underWay <= TASKS_MAX) return undefined;
    this.#hasRoom ??= Promise.withResolvers();
    return this.#hasRoom.promise;
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
    this.#underWay -= message.tasks;
    if (this.#underWay <= TASKS_MAX) {
      this.#hasRoom?.resolve();
      this.#hasRoom = undefined;
    }
    this.#onTurn(message.turn);
  }

  #post(message: ToEngine): void {
    this.#worker.postMessage(message);
  }
}
