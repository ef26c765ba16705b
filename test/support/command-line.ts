import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The command line's script. */
export const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real command line in a process of its own. Killed when the test ends. */
export class CommandProcess {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, cwd?: string) {
    const { npm_lifecycle_event: _event, ...inherited } = process.env;
    this.child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], {
      ...(cwd !== undefined && { cwd }),
      env: { ...inherited, NO_COLOR: "1", ...environment },
    });
    this.child.stdout.on("data", (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.child.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    // A command that has ended takes no input any more.
    this.child.stdin.on("error", () => {});
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** Resolves when the command has ended by itself. */
  async ended(): Promise<CommandResult> {
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

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  { input = "", environment = {} }: { input?: string | Buffer; environment?: Record<string, string> } = {},
): Promise<CommandResult> {
  const command = new CommandProcess(args, environment);
  command.child.stdin.end(input);
  return command.ended();
}

/** `depthcast serve` on free ports, on the memory log unless told otherwise. */
export async function serveCommand(
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly command: CommandProcess; readonly grpc: string; readonly url: string }> {
  const command = new CommandProcess(
    ["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log", "memory", ...args],
    environment,
  );
  const [, grpc = ""] = await command.printed(/gRPC +(\S+)\n/);
  const [, url = ""] = await command.printed(/WebSocket +(\S+)\n/);
  await command.printed(/curl/);
  return { command, grpc, url };
}

/** A file that is gone when the test ends. */
export function temporaryFile(name: string, content: string | Buffer): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}
