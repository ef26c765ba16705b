import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const FROM_SOURCE = fileURLToPath(new URL("./depthcast-from-source.ts", import.meta.url));

/** Where an example is. */
export function examplePath(name: string): string {
  return `${EXAMPLES}${name}`;
}

/** An example in a process of its own. Killed when the test ends. */
export class ExampleProcess {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";

  constructor(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.child = spawn(command, args, { env: { ...process.env, ...environment } });
    this.child.stdout.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** One in TypeScript, as it is, with the sources here as the package `depthcast`. */
  static typeScript(name: string, args: readonly string[]): ExampleProcess {
    const options = ["--disable-warning=ExperimentalWarning", "--import", FROM_SOURCE];
    return new ExampleProcess(process.execPath, [...options, examplePath(name), ...args]);
  }

  /** Resolves with the first match in standard output. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.stdout) ?? undefined, {
      deadlineMs: 20_000,
      what: `${pattern} in ${this.stdout}${this.stderr}`,
    });
  }

  /** Resolves with the exit code when it has ended by itself. */
  async ended(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "close");
    return this.child.exitCode;
  }
}
