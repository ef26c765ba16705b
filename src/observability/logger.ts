import { pino } from "pino";

/** What the parts of depthcast may say. `fields` are facts by name; messages are constant texts. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const LogLevel = { debug: "debug", info: "info", warn: "warn", error: "error" } as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

interface LoggerOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. Default false. */
  readonly pretty?: boolean;
  /** Where the lines go. Default: standard error, as standard output belongs to the commands' results. */
  readonly destination?: { write(line: string): void };
}

/** Field names under which a credential could come; their values never reach a log. */
const CREDENTIAL_FIELDS = ["authorization", "credential", "password", "token", "cookie"] as const;

/** A logger that writes one JSON object a line, credentials taken out. */
export function createLogger(options: LoggerOptions): Logger {
  const sink = options.destination ?? { write: (line: string) => void process.stderr.write(line) };
  const destination =
    options.pretty === true ? { write: (line: string) => sink.write(prettyLine(line)) } : sink;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: CREDENTIAL_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: "[redacted]",
      },
    },
    destination,
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}

/** Says nothing. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

function prettyLine(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const facts = Object.entries(fields).map(([name, value]) => `${name}=${prettyValue(value)}`);
  const clock = String(time).slice(11, 23);
  return `${[clock, String(level).toUpperCase().padEnd(5), String(msg), ...facts].join(" ")}\n`;
}

function prettyValue(value: unknown): string {
  return typeof value === "string" && /^[\w.:/-]+$/.test(value) ? value : JSON.stringify(value);
}
