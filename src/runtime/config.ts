import { readFileSync } from "node:fs";
import Value from "typebox/value";
import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { createLimits, LIMIT_NAMES, type Limits } from "../limits.ts";
import type { LogLevel } from "../observability/logger.ts";
import { parseInstrumentText } from "./instrument-text.ts";
import { type ListenAddress, parseListenAddress } from "./listen-address.ts";
import { type LogChoice, parseLogChoice } from "./log-choice.ts";
import { type Setting, SETTINGS } from "./settings.ts";

/** Everything that is set for a server, checked. */
export interface ServerConfig {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
  readonly instruments: readonly Instrument[];
  readonly gateways: number;
  readonly engines: number;
  readonly log: LogChoice;
  readonly logLevel: LogLevel | "silent";
  readonly debugIntegrity: boolean;
  readonly origins: readonly string[];
  readonly limits: Limits;
}

export interface ConfigSources {
  /** By flag name without dashes; strings, true for a switch, an array for a list. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The configuration file, JSON. Undefined = none. */
  readonly file: string | undefined;
  /** By setting name: what counts, where nobody says otherwise, instead of the setting's own default. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

/** A value with the words for where it came from. */
interface Given {
  readonly value: unknown;
  readonly origin: string;
}

/**
 * The configuration from flags, environment and file, in this order of precedence, then the defaults.
 *
 * @throws DepthcastError `invalid_argument` that names the setting, where it came from and what is allowed.
 */
export function loadConfig(sources: ConfigSources): ServerConfig {
  const file = sources.file === undefined ? {} : readConfigFile(sources.file);
  const given = new Map<string, Given>();
  for (const setting of SETTINGS) given.set(setting.name, findGiven(setting, sources, file));
  const valueOf = (name: string) => given.get(name)!.value;
  return {
    grpc: toAddress("grpc", given),
    http: toAddress("http", given),
    instruments: toInstruments(given.get("instruments")!),
    gateways: valueOf("gateways") as number,
    engines: valueOf("engines") as number,
    log: toLog(given.get("log")!),
    logLevel: valueOf("logLevel") as LogLevel | "silent",
    debugIntegrity: valueOf("debugIntegrity") as boolean,
    origins: valueOf("origins") as string[],
    limits: toLimits(given),
  };
}

function readConfigFile(path: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `cannot read the configuration file ${path}: ${why.split("\n", 1)[0]}`,
    );
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `the configuration file ${path} must hold one JSON object`,
    );
  }
  for (const key of Object.keys(content)) {
    if (SETTINGS.some(({ name }) => name === key)) continue;
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `unknown setting "${key}" in ${path}; \`depthcast serve --help\` lists all (depthMax is --depth-max)`,
      { field: key },
    );
  }
  return content as Record<string, unknown>;
}

function findGiven(setting: Setting, sources: ConfigSources, file: Record<string, unknown>): Given {
  const flag = sources.flags[setting.flag];
  const variable = sources.environment[setting.environmentVariable];
  if (flag !== undefined) return checked(setting, fromText(setting, flag), `--${setting.flag}`);
  if (variable !== undefined) {
    const value = setting.kind === "list" ? splitList(variable) : variable;
    return checked(setting, fromText(setting, value), setting.environmentVariable);
  }
  if (Object.hasOwn(file, setting.name)) {
    return checked(setting, file[setting.name], `${setting.name} in ${sources.file}`);
  }
  const value = sources.defaults?.[setting.name] ?? setting.default;
  return { value, origin: `the default of ${setting.name}` };
}

/** What text stands for; text that stands for nothing stays as it is, for the check to refuse. */
function fromText({ kind }: Setting, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (kind === "integer") return /^-?[0-9]{1,15}$/.test(value) ? Number(value) : value;
  if (kind === "switch" && /^(true|1)$/.test(value)) return true;
  if (kind === "switch" && /^(false|0)$/.test(value)) return false;
  return value;
}

function splitList(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function checked(setting: Setting, value: unknown, origin: string): Given {
  const given = { value, origin };
  if (!Value.Check(setting.schema, value)) throw refused(given, `must be ${setting.rule}`, setting.name);
  return given;
}

function toAddress(name: string, given: ReadonlyMap<string, Given>): ListenAddress {
  const address = given.get(name)!;
  const parsed = parseListenAddress(address.value as string);
  if (parsed === undefined) throw refused(address, "must be HOST:PORT, such as 127.0.0.1:50051", name);
  return parsed;
}

function toLog(given: Given): LogChoice {
  const choice = parseLogChoice(given.value as string);
  if (choice === undefined) {
    throw refused(given, "must be sqlite:FILE, such as sqlite:./data/depthcast.db, or memory", "log");
  }
  return choice;
}

function toInstruments({ value, origin }: Given): Instrument[] {
  const symbols = new Set<string>();
  return (value as unknown[]).map((item) => {
    const given = { value: item, origin };
    const instrument = toInstrument(item);
    if (typeof instrument === "string") throw refused(given, instrument, "instruments");
    if (symbols.has(instrument.symbol)) {
      throw refused(given, `the symbol ${instrument.symbol} is there twice`, "instruments");
    }
    symbols.add(instrument.symbol);
    return instrument;
  });
}

function toInstrument(item: unknown): Instrument | string {
  if (typeof item === "string") return parseInstrumentText(item);
  const { crossPolicy = "reject", ...rest } = item as InstrumentObject;
  // Through the text form, so that both forms have the same rules.
  const parsed = parseInstrumentText(
    `${rest.symbol}:${rest.priceScale}:${rest.quantityScale}:${crossPolicy}`,
  );
  if (typeof parsed === "string") return parsed;
  return { ...parsed, ...rest, crossPolicy: CrossPolicy[crossPolicy] };
}

type InstrumentObject = Pick<Instrument, "symbol" | "priceScale" | "quantityScale"> &
  Partial<Pick<Instrument, "tickSize" | "lotSize" | "description">> & {
    readonly crossPolicy?: "reject" | "flag";
  };

function toLimits(given: ReadonlyMap<string, Given>): Limits {
  const overrides = LIMIT_NAMES.map((name) => [name, given.get(name)!.value as number] as const);
  try {
    return createLimits(Object.fromEntries(overrides));
  } catch (thrown) {
    // Each value is fine by itself, so this is about two that do not go together: say where it came from.
    const error = DepthcastError.from(thrown);
    const origin = given.get(error.details.field ?? "")?.origin;
    throw new DepthcastError(
      error.code,
      origin === undefined ? error.message : `${error.message} (from ${origin})`,
      error.details,
    );
  }
}

function refused({ value, origin }: Given, rule: string, field: string): DepthcastError {
  const shown = typeof value === "string" ? `"${value}"` : JSON.stringify(value);
  return new DepthcastError(ErrorCode.invalidArgument, `${origin} = ${shown}: ${rule}`, { field });
}
