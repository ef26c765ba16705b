import { DepthcastError, ErrorCode } from "./errors.ts";

/**
 * Every bound of depthcast, in one place. `LIMITS` is the table of the settings with their defaults; the
 * constants below it are bounds that nobody needs to set.
 *
 * A setting `depthMax` is the flag `--depth-max`, the environment variable `DEPTHCAST_DEPTH_MAX` and the
 * key `depthMax` of the configuration file.
 */
interface LimitDefinition {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** What it bounds and what happens beyond it, for `--help`. */
  readonly about: string;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** The largest magnitude of a mantissa, of a level's total and of a sequence: what a double holds exactly. */
export const MANTISSA_MAX = Number.MAX_SAFE_INTEGER;

/** The intervals that a subscription may ask for, in milliseconds. A short list, so that views are shared. */
export const INTERVALS_MS = [0, 10, 20, 50, 100, 250, 500, 1000, 5000] as const;
export type IntervalMs = (typeof INTERVALS_MS)[number];

/** Bytes of an order key. */
export const ORDER_KEY_BYTES_MAX = 64;
/** Bytes of a producer id. */
export const PRODUCER_ID_BYTES_MAX = 64;
/** Bytes of the id that a client gives its subscription. */
export const SUBSCRIPTION_ID_BYTES_MAX = 64;
/** Bytes of an instrument's description. */
export const DESCRIPTION_BYTES_MAX = 256;
/** Definitions that wait for the order log at once; beyond, they are refused for the time being. */
export const DEFINITIONS_IN_FLIGHT_MAX = 4096;
/** Refusals that an answer lists. */
export const REJECTIONS_LISTED_MAX = 100;
/** What a symbol looks like. Safe in a path segment once percent-encoded, in a label and in a log line. */
export const SYMBOL_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,31}$/;
/** Bytes of a symbol: what the pattern allows. */
export const SYMBOL_BYTES_MAX = 32;
/** Levels a side that a slot of the depth board holds to begin with; grows by doubling. */
export const BOARD_LEVELS_MIN = 64;
/** The longest that GetSnapshot waits for `min_sequence`. */
export const SNAPSHOT_WAIT_MAX_MS = 30_000;
/** Threads of one kind. */
export const THREADS_MAX = 256;
/** How far intervals may be stretched when flushing takes more than its budget. */
export const STRETCH_MAX = 16;

// Calls that are marked as pure, here and below, so that a web page's client is not given the whole table.
const definitions = /* @__PURE__ */ (() =>
  ({
    intervalDefaultMs: {
      default: 50,
      min: 0,
      max: 5000,
      about: "interval of a subscription that names none; one of " + INTERVALS_MS.join(", "),
    },
    depthDefault: {
      default: 20,
      min: 1,
      max: 100_000,
      about: "levels a side of a subscription that names none",
    },
    depthMax: { default: 1000, min: 1, max: 100_000, about: "most levels a side that may be asked for" },
    subscriptionsPerConnectionMax: {
      default: 256,
      min: 1,
      max: 100_000,
      about: "subscriptions of one stream or connection",
    },
    requestBytesMax: { default: 4 * MiB, min: KiB, max: 256 * MiB, about: "bytes of a gRPC request message" },
    webSocketRequestBytesMax: {
      default: 64 * KiB,
      min: KiB,
      max: 16 * MiB,
      about: "bytes of a WebSocket request; larger closes with 1009",
    },
    eventsPerBatchMax: { default: 10_000, min: 1, max: 1_000_000, about: "events of one batch" },
    connectionsMax: {
      default: 10_000,
      min: 1,
      max: 1_000_000,
      about: "connections, for gRPC and for HTTP each; gateways have equal shares",
    },
    streamsPerConnectionMax: {
      default: 256,
      min: 1,
      max: 100_000,
      about: "concurrent calls of one gRPC connection",
    },
    instrumentsMax: { default: 10_000, min: 1, max: 1_000_000, about: "instruments" },
    scaleMax: { default: 15, min: 0, max: 15, about: "largest price_scale and quantity_scale" },
    liveOrdersMax: {
      default: 10_000_000,
      min: 1,
      max: 100_000_000,
      about: "live orders of a book; beyond: CAPACITY",
    },
    levelsPerSideMax: {
      default: 1_000_000,
      min: 1,
      max: 100_000_000,
      about: "price levels of one side of a book; beyond: CAPACITY",
    },
    producersMax: { default: 10_000, min: 1, max: 10_000_000, about: "producers whose position is kept" },
    snapshotEveryBatches: {
      default: 100_000,
      min: 1,
      max: 1_000_000_000,
      about: "log entries after which a book snapshot is taken: what a restart has to replay",
    },
    snapshotEverySeconds: {
      default: 300,
      min: 1,
      max: 604_800,
      about: "time after which a book snapshot is taken where anything came",
    },
    snapshotsKept: {
      default: 2,
      min: 1,
      max: 100,
      about: "book snapshots kept, with the order log from the oldest on",
    },
    heartbeatIntervalMs: {
      default: 1000,
      min: 10,
      max: 600_000,
      about: "a view that sent nothing for this long sends a heartbeat",
    },
    stallTimeoutMs: {
      default: 30_000,
      min: 100,
      max: 3_600_000,
      about: "a consumer whose transport takes nothing for this long is cut off",
    },
    handshakeTimeoutMs: {
      default: 10_000,
      min: 100,
      max: 600_000,
      about: "a connection that has not made its first request by then is closed",
    },
    idleTimeoutMs: {
      default: 120_000,
      min: 1000,
      max: 86_400_000,
      about: "a connection with nothing open for this long is closed",
    },
    shutdownTimeoutMs: {
      default: 5000,
      min: 0,
      max: 600_000,
      about: "how long a stop waits for streams to end",
    },
    responseBytesMax: {
      default: MiB,
      min: 4 * KiB,
      max: 16 * MiB,
      about: "a response is split between updates where it would pass this",
    },
    inFlightBytesMax: {
      default: 256 * KiB,
      min: 4 * KiB,
      max: 64 * MiB,
      about: "unanswered bytes to one WebSocket before it waits for the pong",
    },
    ingestBytesMax: {
      default: 32 * MiB,
      min: MiB,
      max: 16 * 1024 * MiB,
      about: "bytes received and not yet applied, over all producers; beyond: reading stops",
    },
    logMaxBytes: {
      default: 64 * 1024 * MiB,
      min: MiB,
      max: 512 * 1024 * 1024 * MiB,
      about:
        "bytes of the durable order log's entries; beyond: events are refused until a snapshot lets go of older ones",
    },
    boardBytesMax: {
      default: 256 * MiB,
      min: MiB,
      max: 64 * 1024 * MiB,
      about: "bytes of the depth board; beyond: subscriptions are refused",
    },
    viewBytesMax: {
      default: 256 * MiB,
      min: MiB,
      max: 64 * 1024 * MiB,
      about: "bytes of all views; beyond: subscriptions are refused",
    },
    viewLingerMs: {
      default: 30_000,
      min: 0,
      max: 3_600_000,
      about: "how long a view without consumers is kept for those who come back",
    },
    flushBudgetPercent: {
      default: 50,
      min: 1,
      max: 100,
      about: "share of a thread that flushing may take before intervals are stretched",
    },
  }) as const satisfies Record<string, LimitDefinition>)();

export type LimitName = keyof typeof definitions;
/** The settings in force. Units are in the names. */
export type Limits = { readonly [Name in LimitName]: number };

/** The table behind flags, environment variables, the configuration file and `--help`. */
export const LIMITS: { readonly [Name in LimitName]: LimitDefinition } = definitions;
export const LIMIT_NAMES = /* @__PURE__ */ Object.keys(definitions) as readonly LimitName[];

/**
 * The limits with `overrides` in place of defaults, checked one by one and against each other.
 *
 * @throws DepthcastError `invalid_argument` naming the setting, the value and what is allowed.
 */
export function createLimits(overrides: Partial<Limits> = {}): Limits {
  const limits: Record<string, number> = {};
  for (const name of LIMIT_NAMES) {
    const { default: fallback, min, max } = LIMITS[name];
    const value = overrides[name] ?? fallback;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw refusedSetting(name, value, `must be a whole number from ${min} to ${max}`);
    }
    limits[name] = value;
  }
  const checked = limits as Limits;
  if (!isInterval(checked.intervalDefaultMs)) {
    throw refusedSetting(
      "intervalDefaultMs",
      checked.intervalDefaultMs,
      `must be one of ${INTERVALS_MS.join(", ")}`,
    );
  }
  if (checked.depthDefault > checked.depthMax) {
    throw refusedSetting(
      "depthDefault",
      checked.depthDefault,
      `must not be over depthMax (${checked.depthMax})`,
    );
  }
  // A view id is computed from instrument, depth and interval, and has to fit a uint32.
  if (viewIdBound(checked) > 0xffff_ffff) {
    throw refusedSetting(
      "instrumentsMax",
      checked.instrumentsMax,
      `times depthMax (${checked.depthMax}) must stay below 2^32 / 16`,
    );
  }
  return checked;
}

/** Whether `value` is an interval that a subscription may ask for. */
export function isInterval(value: number): value is IntervalMs {
  return (INTERVALS_MS as readonly number[]).includes(value);
}

function viewIdBound(limits: Limits): number {
  return (limits.instrumentsMax + 1) * (limits.depthMax + 1) * 16;
}

function refusedSetting(name: string, value: number, rule: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, `setting ${name} = ${value}: ${rule}`, {
    field: name,
  });
}
