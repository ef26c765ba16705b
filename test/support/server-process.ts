import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { Limits } from "../../src/limits.ts";
import { type Metrics, readMetrics } from "./metrics.ts";
import type { ServerAddresses } from "./test-client.ts";

/** A server in a process of its own, for what is measured of the process. */

export interface ServerProcessOptions {
  readonly limits?: Partial<Limits>;
  /** Puts a log of this speed in front of the engine. */
  readonly logBytesPerSecond?: number;
  /** Threads, where not those of the environment. */
  readonly gateways?: number;
  readonly engines?: number;
}

/** In bytes. */
export interface ProcessMemory {
  readonly rss: number;
  /** JavaScript heap and everything that it holds outside (buffers). */
  readonly held: number;
}

/** Parent to child. */
export type ServerCommand =
  | { readonly op: "start"; readonly options: ServerProcessOptions }
  | { readonly op: "memory"; readonly collect: boolean }
  | { readonly op: "killGateway"; readonly reader: number };
/** Child to parent. */
export type ServerAnswer =
  | { readonly op: "started"; readonly grpcPort: number; readonly httpPort: number }
  | { readonly op: "memory"; readonly memory: ProcessMemory }
  | { readonly op: "killed" };

export class ServerProcess implements ServerAddresses {
  readonly #child: ChildProcess;
  readonly grpcAddress: string;
  readonly httpUrl: string;

  private constructor(child: ChildProcess, grpcPort: number, httpPort: number) {
    this.#child = child;
    this.grpcAddress = `127.0.0.1:${grpcPort}`;
    this.httpUrl = `http://127.0.0.1:${httpPort}`;
  }

  /** Stopped when the test ends. */
  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const script = fileURLToPath(new URL("./server-process-child.ts", import.meta.url));
    const child = fork(script, {
      execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
      stdio: "inherit",
    });
    onTestFinished(() => end(child));
    const answer = await ask(child, { op: "start", options }, "started");
    if (answer.op !== "started") throw new Error("the server did not start");
    return new ServerProcess(child, answer.grpcPort, answer.httpPort);
  }

  /** After a full garbage collection unless told otherwise: that takes time, in which nothing is served. */
  async memory({ collect = true } = {}): Promise<ProcessMemory> {
    const answer = await ask(this.#child, { op: "memory", collect }, "memory");
    if (answer.op !== "memory") throw new Error("no answer");
    return answer.memory;
  }

  /** Ends a gateway thread as a fault would; resolves when it is gone. */
  async killGateway(reader: number): Promise<void> {
    await ask(this.#child, { op: "killGateway", reader }, "killed");
  }

  metrics(): Promise<Metrics> {
    return readMetrics(this.httpUrl);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function ask(
  child: ChildProcess,
  command: ServerCommand,
  op: ServerAnswer["op"],
): Promise<ServerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ServerAnswer>();
  const onMessage = (answer: ServerAnswer): void => {
    if (answer.op === op) resolve(answer);
  };
  const onExit = (code: number | null): void => reject(new Error(`the server's process ended (${code})`));
  child.on("message", onMessage);
  child.on("exit", onExit);
  child.send(command);
  try {
    return await promise;
  } finally {
    child.off("message", onMessage);
    child.off("exit", onExit);
  }
}
