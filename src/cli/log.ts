import { once } from "node:events";
import { systemClock } from "../clock.ts";
import { realLogPath } from "../log/sqlite/log-path.ts";
import { LogReader } from "../log/sqlite/log-reader.ts";
import { beginNewEpoch, discardAfter } from "../log/sqlite/log-repair.ts";
import { type Arguments, integerFlag, type Option } from "./arguments.ts";
import type { Command } from "./command.ts";
import { logInfo } from "./log/log-info.ts";
import { checkStartable, removeUnfitSnapshots } from "./log/log-snapshots.ts";
import { readableEntry } from "./log/readable-entry.ts";
import { usageError } from "./usage-error.ts";

const options: readonly Option[] = [
  { name: "check", about: "info: reads every entry and holds it against the chain" },
  { name: "from", value: "N", about: "export: the first entry", default: "the first that is kept" },
  { name: "to", value: "N", about: "export: the last entry", default: "the last" },
  { name: "discard-after", value: "N", about: "repair: the last entry to keep; what comes after it is lost" },
];

export const logCommand: Command = {
  help: {
    usage: [
      "depthcast log info FILE [--check]",
      "depthcast log export FILE [--from N] [--to N]",
      "depthcast log repair FILE --discard-after N",
      "depthcast log new-epoch FILE",
    ],
    about:
      "Looks into a durable order log, and mends it. info and export change nothing and may be used while a server has it; the other two " +
      "need it to themselves.\n" +
      "repair keeps the entries up to N in a new file, leaves the old one beside it, and begins a new epoch.\n" +
      "new-epoch is for a log that was restored from a backup: consumers then take their books anew.",
    groups: [{ title: "Flags", options }],
    examples: [
      "depthcast log info data/depthcast.db --check",
      "depthcast log export data/depthcast.db --from 1000 --to 1010",
      "depthcast log repair data/depthcast.db --discard-after 1234",
    ],
  },
  run: log,
};

/** The flags that each takes. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  info: ["check"],
  export: ["from", "to"],
  repair: ["discard-after"],
  "new-epoch": [],
};

async function log({ positionals, flags }: Arguments): Promise<number> {
  const [action = "", file, ...rest] = positionals;
  const taken = ACTIONS[action];
  if (taken === undefined) throw usageError(`log takes ${Object.keys(ACTIONS).join(", ")}, not "${action}"`);
  const foreign = Object.keys(flags).find((name) => !taken.includes(name));
  if (foreign !== undefined) throw usageError(`log ${action} takes no --${foreign}`);
  if (file === undefined || rest.length > 0) throw usageError(`log ${action} takes one FILE`);
  const path = realLogPath(file);
  switch (action) {
    case "info":
      return reading(path, async (reader) => {
        await print(`${(await logInfo(reader, flags["check"] === true)).join("\n")}\n`);
      });
    case "export":
      return reading(path, (reader) => exportEntries(reader, flags));
    case "repair":
      return repair(path, flags);
    default:
      return newEpoch(path);
  }
}

async function reading(path: string, action: (reader: LogReader) => Promise<void>): Promise<number> {
  const reader = new LogReader(path);
  try {
    await action(reader);
    return 0;
  } finally {
    reader.close();
  }
}

async function exportEntries(reader: LogReader, flags: Arguments["flags"]): Promise<void> {
  const { startIndex } = reader.meta;
  const bounds = { min: startIndex, max: Math.max(startIndex, reader.endIndex - 1) };
  const from = integerFlag(flags, "from", bounds) ?? startIndex;
  const to = integerFlag(flags, "to", bounds);
  for (const entry of reader.read(from, to === undefined ? reader.endIndex : to + 1)) {
    await print(`${JSON.stringify(readableEntry(entry))}\n`);
  }
}

async function repair(path: string, flags: Arguments["flags"]): Promise<number> {
  const lastIndex = integerFlag(flags, "discard-after", { min: -1, max: Number.MAX_SAFE_INTEGER });
  if (lastIndex === undefined) {
    throw usageError("log repair needs --discard-after N; `depthcast log info --check` says what is whole");
  }
  await reading(path, (reader) => checkStartable(reader, lastIndex + 1));
  const { savedPath, ...kept } = discardAfter(path, lastIndex, systemClock.unixNanos() / 1000n);
  let removed = 0;
  await reading(path, async (reader) => {
    removed = await removeUnfitSnapshots(reader);
  });
  return tellKept(kept, [
    `the log as it was is ${savedPath}: delete it when you are content`,
    ...(removed === 0 ? [] : [`${removed} book snapshots held more than the log has: they are deleted`]),
  ]);
}

function newEpoch(path: string): Promise<number> {
  return tellKept(beginNewEpoch(path, systemClock.unixNanos() / 1000n), []);
}

async function tellKept(
  { epoch, startIndex, endIndex }: { epoch: bigint; startIndex: number; endIndex: number },
  more: readonly string[],
): Promise<number> {
  const kept = endIndex === startIndex ? "no entries" : `the entries ${startIndex} to ${endIndex - 1}`;
  await print(`${[`the log has ${kept}, and the new epoch ${epoch}`, ...more].join("\n")}\n`);
  return 0;
}

/** Resolves when there is room for more. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}
