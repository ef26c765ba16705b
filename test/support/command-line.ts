import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program, type ProgramResult } from "./program.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The command line's script. */
export const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** The real command line in a process of its own. Killed when the test ends. */
export class CommandProcess extends Program {
  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}, cwd?: string) {
    const { npm_lifecycle_event: _event, ...inherited } = process.env;
    super(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, ...args], {
      cwd,
      env: { ...inherited, NO_COLOR: "1", ...environment },
    });
  }
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  { input = "", environment = {} }: { input?: string | Buffer; environment?: Record<string, string> } = {},
): Promise<ProgramResult> {
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
