import { availableParallelism } from "node:os";
import Type, { type TSchema } from "typebox";
import { LIMIT_NAMES, LIMITS, THREADS_MAX } from "../limits.ts";
import { LogLevel } from "../observability/logger.ts";

/** How a setting is written as text, in a flag or an environment variable. */
export type SettingKind = "integer" | "text" | "switch" | "list";

/** One setting of the server: a flag, an environment variable and a key of the configuration file. */
export interface Setting {
  /** The key of the configuration file: `depthMax`. */
  readonly name: string;
  /** Without its dashes: `depth-max`. A list's flag is repeated, one value each. */
  readonly flag: string;
  /** `DEPTHCAST_DEPTH_MAX`. A list's values are separated by commas. */
  readonly environmentVariable: string;
  readonly kind: SettingKind;
  /** What a value looks like, for `--help`: `HOST:PORT`. */
  readonly placeholder: string;
  readonly default: unknown;
  readonly about: string;
  /** A value as it stands in the file. */
  readonly schema: TSchema;
  /** What is allowed, to follow "must be". */
  readonly rule: string;
}

/** Least important message that is logged. */
const LOG_LEVELS = [...Object.values(LogLevel), "silent"] as const;

/** One core for the log, one for an engine, the others for the sockets. */
function defaultGateways(): number {
  return Math.max(1, availableParallelism() - 2);
}

const instrumentSchema = Type.Union([
  Type.String(),
  Type.Object(
    {
      symbol: Type.String(),
      priceScale: Type.Integer({ minimum: 0, maximum: LIMITS.scaleMax.max }),
      quantityScale: Type.Integer({ minimum: 0, maximum: LIMITS.scaleMax.max }),
      crossPolicy: Type.Optional(Type.Union([Type.Literal("reject"), Type.Literal("flag")])),
      tickSize: Type.Optional(Type.Integer({ minimum: 0 })),
      lotSize: Type.Optional(Type.Integer({ minimum: 0 })),
      description: Type.Optional(Type.String()),
    },
    { additionalProperties: false },
  ),
]);

const generalSettings: readonly Setting[] = [
  setting("grpc", {
    kind: "text",
    placeholder: "HOST:PORT",
    default: "127.0.0.1:50051",
    about: "where gRPC listens; port 0 takes a free one",
    schema: Type.String(),
    rule: "HOST:PORT",
  }),
  setting("http", {
    kind: "text",
    placeholder: "HOST:PORT",
    default: "127.0.0.1:8080",
    about: "where HTTP and WebSocket listen; port 0 takes a free one",
    schema: Type.String(),
    rule: "HOST:PORT",
  }),
  setting("instruments", {
    flag: "instrument",
    kind: "list",
    placeholder: "SYMBOL:PRICE_SCALE:QUANTITY_SCALE[:reject|flag]",
    default: [],
    about: "an instrument to define at the start",
    schema: Type.Array(instrumentSchema),
    rule: "a list of SYMBOL:PRICE_SCALE:QUANTITY_SCALE[:reject|flag] or of objects with symbol, priceScale and quantityScale",
  }),
  setting("gateways", {
    kind: "integer",
    placeholder: "N",
    default: defaultGateways(),
    about: "threads that serve consumers and producers; 0 keeps everything on one thread",
    schema: Type.Integer({ minimum: 0, maximum: THREADS_MAX }),
    rule: `a whole number from 0 to ${THREADS_MAX}`,
  }),
  setting("engines", {
    kind: "integer",
    placeholder: "N",
    default: 1,
    about: "threads that own books, where there are gateways; symbols are divided over them",
    schema: Type.Integer({ minimum: 1, maximum: THREADS_MAX }),
    rule: `a whole number from 1 to ${THREADS_MAX}`,
  }),
  setting("log", {
    kind: "text",
    placeholder: "sqlite:FILE|memory",
    default: "sqlite:./data/depthcast.db",
    about: "the order log; memory forgets everything at the end, and is the default with --demo",
    schema: Type.String(),
    rule: "sqlite:FILE or memory",
  }),
  setting("logLevel", {
    kind: "text",
    placeholder: "LEVEL",
    default: "info",
    about: `least important message that is logged: ${LOG_LEVELS.join(", ")}`,
    schema: Type.Union(LOG_LEVELS.map((level) => Type.Literal(level))),
    rule: `one of ${LOG_LEVELS.join(", ")}`,
  }),
  setting("debugIntegrity", {
    kind: "switch",
    placeholder: "",
    default: false,
    about: "offers GET /debug/integrity, which recomputes every book",
    schema: Type.Boolean(),
    rule: "true or false",
  }),
  setting("origins", {
    flag: "origin",
    kind: "list",
    placeholder: "ORIGIN",
    default: [],
    about: "a web origin whose pages may open a WebSocket, such as https://example.org; * for all",
    schema: Type.Array(Type.String({ minLength: 1 })),
    rule: "a list of origins",
  }),
];

const limitSettings: readonly Setting[] = LIMIT_NAMES.map((name) => {
  const { default: fallback, min, max, about } = LIMITS[name];
  return setting(name, {
    kind: "integer",
    placeholder: "N",
    default: fallback,
    about,
    schema: Type.Integer({ minimum: min, maximum: max }),
    rule: `a whole number from ${min} to ${max}`,
  });
});

export const GENERAL_SETTINGS = generalSettings;
export const LIMIT_SETTINGS = limitSettings;
export const SETTINGS: readonly Setting[] = [...generalSettings, ...limitSettings];

type SettingParts = Omit<Setting, "name" | "flag" | "environmentVariable"> & { readonly flag?: string };

function setting(name: string, parts: SettingParts): Setting {
  const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return {
    name,
    flag: dashed,
    environmentVariable: `DEPTHCAST_${dashed.replaceAll("-", "_").toUpperCase()}`,
    ...parts,
  };
}
