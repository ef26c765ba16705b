import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";

export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program in a process of its own. Killed when the test ends. */
export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";

  constructor(
    command: string,
    args: readonly string[],
    { env = process.env, cwd }: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string | undefined } = {},
  ) {
    this.child = spawn(command, args, { ...(cwd !== undefined && { cwd }), env });
    this.child.stdout.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    // A program that has ended takes no input any more.
    this.child.stdin.on("error", () => {});
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<ProgramResult> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "close");
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr };
  }

  /** Resolves with the first match in standard output. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.stdout) ?? undefined, {
      deadlineMs: 20_000,
      what: `${pattern} in ${this.stdout}${this.stderr}`,
    });
  }
}
