import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { MAIN } from "./command-line.ts";
import { eventually } from "./eventually.ts";
import { quietPort } from "./quiet-port.ts";
import type { ServerAddresses } from "./test-client.ts";

/** Output that is kept for the account of a failure. */
const KEPT_OUTPUT = 20_000;

/** A real `depthcast serve` that is killed and started again, always at one address. Killed when the test ends. */
export class MortalServer implements ServerAddresses {
  readonly grpcAddress: string;
  readonly httpUrl: string;
  readonly #args: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;
  /** Of this life: all its ports are open. */
  #greeted = false;
  /** What it wrote, over all its lives: the last of it. */
  output = "";

  private constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    [grpcPort, httpPort]: readonly [number, number],
  ) {
    this.#args = args;
    this.#environment = environment;
    this.grpcAddress = `127.0.0.1:${grpcPort}`;
    this.httpUrl = `http://127.0.0.1:${httpPort}`;
    onTestFinished(() => this.kill());
  }

  /** Not started yet. @param args flags that every life has */
  static async create(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<MortalServer> {
    return new MortalServer(args, environment, [await quietPort(), await quietPort()]);
  }

  /** Begins a life; `ready` tells when it serves. @param args flags of this life */
  start(args: readonly string[] = []): void {
    const { npm_lifecycle_event: _event, ...environment } = process.env;
    const addresses = ["--grpc", this.grpcAddress, "--http", this.httpUrl.replace("http://", "")];
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", MAIN, "serve", ...addresses, ...this.#args, ...args],
      { env: { ...environment, NO_COLOR: "1", ...this.#environment }, stdio: ["ignore", "pipe", "pipe"] },
    );
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString()).slice(-KEPT_OUTPUT);
      });
    }
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes("depthcast is ready")) this.#greeted = true;
    });
    this.#greeted = false;
    this.#child = child;
  }

  /** Resolves when it serves. @throws Error with its last words where it ended instead. */
  async ready(deadlineMs = 60_000): Promise<void> {
    await eventually(() => this.hasEnded || this.#greeted, {
      deadlineMs,
      what: `the server serves: ${this.output}`,
    });
    if (this.hasEnded) throw new Error(`the server ended by itself: ${this.output}`);
  }

  get hasEnded(): boolean {
    return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** As `kill -9`; resolves when the process is gone. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** In order. @throws Error where it ends otherwise. */
  async stop(): Promise<void> {
    const child = this.#child;
    await this.#end("SIGTERM");
    if (child?.exitCode !== 0)
      throw new Error(`the server's exit code is ${child?.exitCode}: ${this.output}`);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || this.hasEnded) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }
}
