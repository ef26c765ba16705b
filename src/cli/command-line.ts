import { readFileSync } from "node:fs";
import { parseArguments } from "./arguments.ts";
import type { Command } from "./command.ts";
import { helpText } from "./help-text.ts";
import { nearestName } from "./nearest-name.ts";
import { usageError } from "./usage-error.ts";

/** A command before it is loaded, so that `watch` need not wait for the server's modules. */
interface CommandEntry {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: "serve",
    summary: "starts the engine: gRPC, WebSocket and REST",
    load: async () => (await import("./serve.ts")).serveCommand,
  },
  {
    name: "ingest",
    summary: "sends a file of order events",
    load: async () => (await import("./ingest.ts")).ingestCommand,
  },
  {
    name: "watch",
    summary: "shows live books",
    load: async () => (await import("./watch.ts")).watchCommand,
  },
  {
    name: "log",
    summary: "looks into a durable order log, and mends it",
    load: async () => (await import("./log.ts")).logCommand,
  },
];

/**
 * Runs one command line and resolves with the exit code.
 *
 * @throws DepthcastError of which the message is for the user: a usage error, or what failed.
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  // `npm start` with nothing behind it shows what this is.
  const startsDemo = args.length === 0 && process.env["npm_lifecycle_event"] === "start";
  const [name, ...rest] = startsDemo ? ["serve", "--demo"] : args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") return printHelp(rest[0]);
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  const command = await findCommand(name).load();
  const { help } = command;
  const parsed = parseArguments(
    rest,
    help.groups.flatMap(({ options }) => options),
  );
  if (parsed.flags["help"] === true) return printHelp(name);
  return command.run(parsed);
}

function findCommand(name: string): CommandEntry {
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

async function printHelp(name: string | undefined): Promise<number> {
  const text = name === undefined ? overview() : helpText((await findCommand(name).load()).help);
  process.stdout.write(text);
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
