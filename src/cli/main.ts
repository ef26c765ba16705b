import { readFileSync } from "node:fs";
import { DepthcastError } from "../errors.ts";
import { parseArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { helpText } from "./help-text.ts";
import { ingestCommand } from "./ingest.ts";
import { nearestName } from "./nearest-name.ts";
import { serveCommand } from "./serve.ts";
import { isUsageError, usageError } from "./usage-error.ts";
import { watchCommand } from "./watch.ts";

const COMMANDS: readonly Command[] = [serveCommand, ingestCommand, watchCommand];
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Runs the command line and resolves with the exit code; what goes wrong is one line on standard error. */
async function main(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (thrown) {
    if (!(thrown instanceof DepthcastError)) throw thrown;
    process.stderr.write(`depthcast: ${thrown.message}\n`);
    return isUsageError(thrown) ? EXIT_USAGE : EXIT_FAILURE;
  }
}

async function run(args: readonly string[]): Promise<number> {
  // `npm start` with nothing behind it shows what this is.
  const startsDemo = args.length === 0 && process.env["npm_lifecycle_event"] === "start";
  const [name, ...rest] = startsDemo ? ["serve", "--demo"] : args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return printHelp(rest[0]);
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const command = findCommand(name);
  const { help } = command;
  const parsed = parseArguments(
    rest,
    help.groups.flatMap(({ options }) => options),
  );
  if (parsed.flags["help"] === true) return printHelp(command.name);
  return command.run(parsed);
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((candidate) => candidate.name);
  if (name.startsWith("-")) throw usageError(`a command comes first: ${names.join(", ")}`);
  const near = nearestName(name, names);
  throw usageError(
    near === undefined
      ? `unknown command "${name}"; the commands are ${names.join(", ")}`
      : `unknown command "${name}"; did you mean ${near}?`,
  );
}

function printHelp(name: string | undefined): number {
  process.stdout.write(name === undefined ? overview() : helpText(findCommand(name).help));
  return 0;
}

function overview(): string {
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return [
    "depthcast: a real-time order book broadcast engine",
    "",
    "Usage: depthcast COMMAND [flags]",
    "",
    "Commands:",
    ...commands,
    "",
    "  --help      this text; `depthcast COMMAND --help` for a command's flags",
    "  --version   the version",
    "",
  ].join("\n");
}

function readVersion(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

/** `depthcast watch BTC-USD | head` closes our output: that is an end like any other. */
function endQuietlyWithoutReader(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

endQuietlyWithoutReader(process.stdout);
endQuietlyWithoutReader(process.stderr);
process.exitCode = await main(process.argv.slice(2));
// A broken connection's timers or a paused standard input must not keep a finished command alive.
process.stdout.write("", () => process.exit());
