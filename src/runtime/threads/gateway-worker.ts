import { MessageChannel, Worker } from "node:worker_threads";
import type { ListedInstrument } from "../../book/instrument-directory.ts";
import type { IngestGate } from "../../engine/ingest-gate.ts";
import type { IngestStream } from "../../engine/ingest-port.ts";
import type { Logger } from "../../observability/logger.ts";
import type { GatewayAddresses } from "../gateway.ts";
import { Calls } from "./calls.ts";
import type { EngineWorker } from "./engine-worker.ts";
import {
  type Fallible,
  fallible,
  type FromGateway,
  type GatewaySetup,
  type IntegrityAnswer,
  type SubmitOutcome,
  toPlain,
  type ToGateway,
  unwrap,
} from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { threadFile } from "./thread-file.ts";

export interface GatewayWorkerOptions {
  readonly setup: Omit<GatewaySetup, "boards">;
  readonly engines: readonly { readonly worker: EngineWorker; readonly control: SharedArrayBuffer }[];
  readonly gate: IngestGate;
  readonly logger: Logger;
  /** The metrics of all threads. */
  readonly metricsText: () => Promise<string>;
  readonly integrity: () => Promise<IntegrityAnswer>;
  /** The thread has ended though nobody stopped it; its streams are closed. */
  readonly onDeath: (why: unknown) => void;
}

/** The core's end of a gateway: does at the gate what its producers ask, and tells them what became of it. */
export class GatewayWorker {
  readonly reader: number;
  readonly #options: GatewayWorkerOptions;
  readonly #worker: Worker;
  readonly #outbox: Outbox<ToGateway>;
  readonly #calls = new Calls();
  readonly #streams = new Map<number, IngestStream>();
  #outcomes: SubmitOutcome[] = [];
  #stopping = false;

  constructor(options: GatewayWorkerOptions) {
    const { setup, engines } = options;
    this.reader = setup.reader;
    this.#options = options;
    const boards = engines.map(({ worker, control }) => {
      const { port1, port2 } = new MessageChannel();
      worker.addReader(setup.reader, port1);
      return { control, port: port2 };
    });
    const workerData: GatewaySetup = { ...setup, boards };
    this.#worker = new Worker(threadFile("gateway-thread", import.meta.url), {
      workerData,
      transferList: boards.map(({ port }) => port),
      name: `gateway-${setup.reader}`,
    });
    this.#outbox = new Outbox(this.#worker);
    this.#worker.on("message", (messages: readonly FromGateway[]) => {
      for (const message of messages) this.#handle(message);
    });
    let cause: unknown;
    this.#worker.on("error", (error) => (cause = error));
    this.#worker.on("exit", () => this.#exited(cause ?? new Error("a gateway thread has ended")));
  }

  async listen(
    addresses: GatewayAddresses,
  ): Promise<{ readonly grpcPort: number; readonly httpPort: number }> {
    return unwrap(
      await this.#calls.ask<Fallible<{ grpcPort: number; httpPort: number }>>((call) =>
        this.#outbox.push({ kind: "listen", call, addresses }),
      ),
    );
  }

  /** A definition is in force; resolves when the gateway knows, or is gone. */
  async instrumentChanged(listed: ListedInstrument): Promise<void> {
    await this.#calls
      .ask<void>((call) => this.#outbox.push({ kind: "instrument", call, listed }))
      .catch(() => {});
  }

  metricsText(): Promise<string> {
    return this.#calls.ask((call) => this.#outbox.push({ kind: "metrics", call }));
  }

  /** Why the order log takes nothing has changed. */
  logFaultChanged(fault: string | undefined): void {
    this.#outbox.push({ kind: "log_fault", fault });
  }

  sendAway(): void {
    this.#outbox.push({ kind: "send_away" });
  }

  /** Closes its sockets in good order, then the thread. */
  async stop(): Promise<void> {
    this.#stopping = true;
    try {
      unwrap(await this.#calls.ask<Fallible<void>>((call) => this.#outbox.push({ kind: "stop", call })));
    } finally {
      await this.#worker.terminate();
    }
  }

  /**
   * Makes the thread fail as a fault would, for tests. Not by `terminate`: on a thread that reads HTTP/2 it may abort the
   * whole process (nodejs/node issue 38418).
   */
  async kill(): Promise<void> {
    // Not `once` of node:events: the thread's error, which comes first, would be taken for a failure of the wait.
    const exited = new Promise<void>((resolve) => {
      this.#worker.once("exit", () => resolve());
    });
    this.#outbox.push({ kind: "fail" });
    await exited;
  }

  #handle(message: FromGateway): void {
    const { gate, logger, metricsText, integrity } = this.#options;
    switch (message.kind) {
      case "open":
        this.#open(message.stream);
        return;
      case "close":
        this.#streams.get(message.stream)?.close();
        this.#streams.delete(message.stream);
        return;
      case "submit":
        void this.#submit(message);
        return;
      case "define":
        this.#answer(message.call, () => gate.define(message.instrument));
        return;
      case "position":
        this.#answer(message.call, () => gate.producerPosition(message.producerId));
        return;
      case "integrity":
        this.#answer(message.call, integrity);
        return;
      case "metrics":
        void metricsText().then((text) =>
          this.#outbox.push({ kind: "answer", call: message.call, answer: text }),
        );
        return;
      case "log":
        logger[message.level](message.fields, message.message);
        return;
      case "answer":
        this.#calls.answer(message.call, message.answer);
    }
  }

  #open(number: number): void {
    const stream = this.#options.gate.openStream(
      (reason) => this.#outbox.push({ kind: "ended", stream: number, reason: toPlain(reason) }),
      // A gateway that is gone has received nothing more.
      () =>
        this.#calls
          .ask<void>((call) => this.#outbox.push({ kind: "submitted", call, stream: number }))
          .catch(() => {}),
    );
    this.#streams.set(number, stream);
  }

  async #submit({ stream, token, batch }: Extract<FromGateway, { kind: "submit" }>): Promise<void> {
    let outcome: SubmitOutcome["outcome"];
    try {
      const open = this.#streams.get(stream);
      if (open === undefined) throw new Error("invariant: a batch comes on an open stream");
      const { epoch: _, ...told } = await open.submit(batch);
      outcome = told;
    } catch (thrown) {
      outcome = toPlain(thrown);
    }
    if (this.#outcomes.length === 0) setImmediate(() => this.#tellOutcomes());
    this.#outcomes.push({ token, outcome });
  }

  #tellOutcomes(): void {
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    this.#outbox.push({ kind: "outcomes", outcomes });
    this.#outbox.flush();
  }

  #answer<Value>(call: number, action: () => Promise<Value>): void {
    void fallible(action).then((answer) => this.#outbox.push({ kind: "answer", call, answer }));
  }

  #exited(why: unknown): void {
    this.#calls.end("the gateway");
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
    if (!this.#stopping) this.#options.onDeath(why);
  }
}
