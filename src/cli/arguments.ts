import { parseArgs } from "node:util";
import { nearestName } from "./nearest-name.ts";
import { usageError } from "./usage-error.ts";

/** A flag of a command. */
export interface Option {
  /** Without its dashes. */
  readonly name: string;
  /**
   * What a value looks like; undefined = the flag takes none. In brackets, such as `[N]`, it may be left
   * out, and is then given with `=` only.
   */
  readonly value?: string;
  /** May be given several times; its values are an array. */
  readonly repeated?: boolean;
  readonly about: string;
  /** For `--help`. */
  readonly default?: string;
}

export interface Arguments {
  readonly positionals: readonly string[];
  /** By name: a string, true, or for repeated ones an array of strings. */
  readonly flags: Readonly<Record<string, string | true | readonly string[] | undefined>>;
}

/**
 * Reads the arguments of a command.
 *
 * @throws DepthcastError a usage error for a flag that is not there, or a value too many or too few.
 */
export function parseArguments(args: readonly string[], options: readonly Option[]): Arguments {
  const parsed = parseArgs({
    args: [...args],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      [...options, { name: "help", about: "" } satisfies Option].map((option) => [
        option.name,
        { type: takesNextArgument(option) ? ("string" as const) : ("boolean" as const) },
      ]),
    ),
  });
  const flags: Record<string, string | true | string[]> = {};
  for (const token of parsed.tokens) {
    if (token.kind !== "option") continue;
    const option = findOption(token.name, token.rawName, options);
    const value = checkValue(option, token.value, token.inlineValue === true);
    if (option.repeated !== true) flags[option.name] = value;
    else flags[option.name] = [...((flags[option.name] as string[] | undefined) ?? []), String(value)];
  }
  return { positionals: parsed.positionals, flags };
}

/** The text of a flag that was given, or the fallback. */
export function textFlag(flags: Arguments["flags"], name: string): string | undefined {
  const value = flags[name];
  return typeof value === "string" ? value : undefined;
}

/** A whole number within bounds. @throws DepthcastError a usage error that names the flag. */
export function integerFlag(
  flags: Arguments["flags"],
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const value = /^-?[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw usageError(`--${name} ${text}: must be a whole number from ${min} to ${max}`);
  }
  return value;
}

/** The values of a flag that may be repeated. */
export function textFlags(flags: Arguments["flags"], name: string): readonly string[] {
  const values = flags[name];
  return Array.isArray(values) ? (values as readonly string[]) : [];
}

/** `host:port` of a server to call. @throws DepthcastError a usage error that names the flag. */
export function serverFlag(flags: Arguments["flags"], name: string): string | undefined {
  const text = textFlag(flags, name);
  return text === undefined ? undefined : serverAddress(text, name);
}

/** As `serverFlag`, for one that may be repeated. */
export function serverFlags(flags: Arguments["flags"], name: string): readonly string[] {
  return textFlags(flags, name).map((text) => serverAddress(text, name));
}

function serverAddress(text: string, name: string): string {
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/.exec(text);
  if (parts === null || Number(parts[2]) > 65_535 || Number(parts[2]) === 0) {
    throw usageError(`--${name} ${text}: must be HOST:PORT, such as 127.0.0.1:50051`);
  }
  return text;
}

function takesNextArgument(option: Pick<Option, "value">): boolean {
  return option.value !== undefined && !option.value.startsWith("[");
}

function findOption(name: string, rawName: string, options: readonly Option[]): Option {
  const option = options.find((candidate) => candidate.name === name);
  if (option !== undefined) return option;
  if (name === "help" || rawName === "-h") return { name: "help", about: "" };
  const near = nearestName(
    name,
    options.map((candidate) => candidate.name),
  );
  throw usageError(`unknown flag ${rawName}${near === undefined ? "" : `; did you mean --${near}?`}`);
}

function checkValue(option: Option, value: string | undefined, inline: boolean): string | true {
  if (option.value === undefined) {
    if (value !== undefined) throw usageError(`--${option.name} takes no value`);
    return true;
  }
  if (value === undefined && !takesNextArgument(option)) return true;
  const looksLikeFlag = !inline && value !== undefined && /^-./.test(value);
  if (value === undefined || value === "" || looksLikeFlag) {
    throw usageError(`--${option.name} needs a value: --${option.name} ${option.value}`);
  }
  return value;
}
