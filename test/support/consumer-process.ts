import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ReferenceBookCounters } from "./reference-book.ts";
import type { ServerAddresses, TransportName } from "./test-client.ts";
import type { BookLevel, SubscriptionOptions } from "./update.ts";

/**
 * Consumers in a process of their own: real sockets that are not read, or read in stretches, and that take
 * nothing from the test's own event loop.
 */

export interface ConsumerProcessOptions {
  readonly addresses: ServerAddresses;
  readonly subscriptions: readonly SubscriptionOptions[];
  readonly groups: readonly ConsumerGroup[];
}

/** Consumers of one kind; each has a connection of its own. */
export interface ConsumerGroup {
  readonly transport: TransportName;
  readonly count: number;
  readonly reading: Reading;
}

/** How the sockets are read once every consumer has its first Snapshot. */
export type Reading =
  | { readonly mode: "always" }
  | { readonly mode: "never" }
  /** Each consumer by itself: pauses and reads for random times between these, in turn. */
  | {
      readonly mode: "stretches";
      readonly seed: number;
      readonly pauseMs: readonly [min: number, max: number];
      readonly readMs: readonly [min: number, max: number];
    };

export interface ConsumerReport {
  readonly transport: TransportName;
  readonly reading: Reading["mode"];
  readonly books: readonly {
    readonly symbol: string;
    readonly epoch: string;
    readonly sequence: number;
    readonly exactUpTo: number;
    readonly checksum: number;
    readonly bids: readonly BookLevel[];
    readonly asks: readonly BookLevel[];
    readonly counters: ReferenceBookCounters;
  }[];
  /** The first breach of the contract, or empty. */
  readonly failure: string;
  /** How the transport ended: a gRPC status or a close code; empty while it lives. */
  readonly ended: string;
}

/** Parent to child. */
export type ConsumerCommand =
  | { readonly op: "start"; readonly options: ConsumerProcessOptions }
  | { readonly op: "report" | "readAll" };
/** Child to parent. */
export type ConsumerAnswer =
  | { readonly op: "ready" }
  | { readonly op: "report"; readonly consumers: readonly ConsumerReport[] };

export class ConsumerProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when each consumer has the first Snapshot of each subscription. */
  static async start(options: ConsumerProcessOptions): Promise<ConsumerProcess> {
    const script = fileURLToPath(new URL("./consumer-process-child.ts", import.meta.url));
    const child = fork(script, { execArgv: ["--disable-warning=ExperimentalWarning"], stdio: "inherit" });
    const started = new ConsumerProcess(child);
    const { grpcAddress, httpUrl } = options.addresses;
    await started.#ask(
      { op: "start", options: { ...options, addresses: { grpcAddress, httpUrl } } },
      "ready",
    );
    return started;
  }

  /** Stops the whole process as the kernel does it: none of its sockets is read. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** From now on every consumer reads all that comes. */
  readAll(): void {
    this.#child.send({ op: "readAll" } satisfies ConsumerCommand);
  }

  async report(): Promise<readonly ConsumerReport[]> {
    const answer = await this.#ask({ op: "report" }, "report");
    return answer.op === "report" ? answer.consumers : [];
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async #ask(command: ConsumerCommand, op: ConsumerAnswer["op"]): Promise<ConsumerAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ConsumerAnswer>();
    const onMessage = (answer: ConsumerAnswer): void => {
      if (answer.op === op) resolve(answer);
    };
    const onExit = (code: number | null): void => reject(new Error(`the consumers' process ended (${code})`));
    this.#child.on("message", onMessage);
    this.#child.on("exit", onExit);
    this.#child.send(command);
    try {
      return await promise;
    } finally {
      this.#child.off("message", onMessage);
      this.#child.off("exit", onExit);
    }
  }
}
