import type { BookLevel, NoticeUpdate, ReceivedInstrument, StateName, Update } from "./update.ts";

/**
 * Reads the JSON dialect of PROTOCOL.md section 5, strictly: every object has exactly its keys, 64-bit
 * numbers are strings of digits, prices and quantities are in their one canonical form.
 */

type JsonObject = Record<string, unknown>;

const windowKeys = ["bids", "asks", "checksum", "state", "sourceTime", "publishTime"];
const keysOf = {
  subscribed: ["id", "depth", "intervalMs", "heartbeatIntervalMs", "resumed", "instrument"],
  snapshot: ["epoch", "sequence", ...windowKeys],
  delta: ["prevSequence", "sequence", ...windowKeys, "mergedIntervals"],
  heartbeat: ["epoch", "sequence", "publishTime"],
  notice: ["code", "detail"],
} as const;

const instrumentKeys = [
  "symbol",
  "priceScale",
  "quantityScale",
  "crossPolicy",
  "tickSize",
  "lotSize",
  "description",
];

export function isUpdateType(type: unknown): type is Update["kind"] {
  return typeof type === "string" && Object.hasOwn(keysOf, type);
}

/**
 * `instrument` gives the scales: that of the view's `subscribed`, which reads its own.
 *
 * @throws Error where the object is not one the contract knows.
 */
export function updateFromJson(value: JsonObject, instrument: ReceivedInstrument | undefined): Update {
  const { type } = value;
  if (!isUpdateType(type)) throw new Error(`not an update: ${JSON.stringify(value)}`);
  requireKeys(value, ["type", "viewId", "symbol", ...keysOf[type]]);
  const envelope = { viewId: wholeNumber(value["viewId"]), symbol: text(value["symbol"]) };
  switch (type) {
    case "subscribed":
      return {
        kind: type,
        ...envelope,
        instrument: instrumentFromJson(value["instrument"]),
        depth: wholeNumber(value["depth"]),
        intervalMs: wholeNumber(value["intervalMs"]),
        heartbeatIntervalMs: wholeNumber(value["heartbeatIntervalMs"]),
        id: text(value["id"]),
        resumed: boolean(value["resumed"]),
      };
    case "snapshot":
      return {
        kind: type,
        ...envelope,
        epoch: bigNumber(value["epoch"]),
        ...windowFromJson(value, required(instrument)),
      };
    case "delta":
      return {
        kind: type,
        ...envelope,
        prevSequence: sequence(value["prevSequence"]),
        mergedIntervals: wholeNumber(value["mergedIntervals"]),
        ...windowFromJson(value, required(instrument)),
      };
    case "heartbeat":
      return {
        kind: type,
        ...envelope,
        epoch: bigNumber(value["epoch"]),
        sequence: sequence(value["sequence"]),
        publishTimeUnixNanos: bigNumber(value["publishTime"]),
      };
    default:
      return { kind: type, ...envelope, code: noticeCode(value["code"]), detail: text(value["detail"]) };
  }
}

/** The canonical form of a mantissa at a scale, as the contract's section 1 writes it. */
function decimalText(value: number, scale: number): string {
  const digits = String(Math.abs(value)).padStart(scale + 1, "0");
  const point = digits.length - scale;
  const sign = value < 0 ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

function instrumentFromJson(value: unknown): ReceivedInstrument {
  const raw = object(value);
  requireKeys(raw, instrumentKeys);
  const crossPolicy = raw["crossPolicy"];
  if (crossPolicy !== "reject" && crossPolicy !== "flag")
    throw new Error(`cross policy ${String(crossPolicy)}`);
  const priceScale = wholeNumber(raw["priceScale"]);
  const quantityScale = wholeNumber(raw["quantityScale"]);
  return {
    symbol: text(raw["symbol"]),
    priceScale,
    quantityScale,
    crossPolicy,
    tickSize: mantissa(raw["tickSize"], priceScale),
    lotSize: mantissa(raw["lotSize"], quantityScale),
    description: text(raw["description"]),
  };
}

function windowFromJson(value: JsonObject, instrument: ReceivedInstrument) {
  return {
    sequence: sequence(value["sequence"]),
    bids: levelsFromJson(value["bids"], instrument),
    asks: levelsFromJson(value["asks"], instrument),
    checksum: wholeNumber(value["checksum"]),
    state: stateName(value["state"]),
    sourceTimeUnixNanos: bigNumber(value["sourceTime"]),
    publishTimeUnixNanos: bigNumber(value["publishTime"]),
  };
}

function levelsFromJson(value: unknown, instrument: ReceivedInstrument): BookLevel[] {
  if (!Array.isArray(value)) throw new Error(`not levels: ${JSON.stringify(value)}`);
  return value.map((level: unknown): BookLevel => {
    if (!Array.isArray(level) || level.length !== 3) throw new Error(`not a level: ${JSON.stringify(level)}`);
    return [
      mantissa(level[0], instrument.priceScale),
      mantissa(level[1], instrument.quantityScale),
      wholeNumber(level[2]),
    ];
  });
}

function mantissa(value: unknown, scale: number): number {
  const decimal = text(value);
  const result = Number(decimal.replace(".", ""));
  if (!Number.isSafeInteger(result) || decimalText(result, scale) !== decimal) {
    throw new Error(`${decimal} is not a decimal with ${scale} digits after the point`);
  }
  return result;
}

function sequence(value: unknown): number {
  const result = Number(bigNumber(value));
  if (!Number.isSafeInteger(result)) throw new Error(`${result} is over 2^53 - 1`);
  return result;
}

function bigNumber(value: unknown): bigint {
  const digits = text(value);
  if (!/^(0|[1-9][0-9]*)$/.test(digits)) throw new Error(`not a number in digits: ${digits}`);
  return BigInt(digits);
}

function wholeNumber(value: unknown): number {
  if (!Number.isSafeInteger(value)) throw new Error(`not a whole number: ${JSON.stringify(value)}`);
  return value as number;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new Error(`not a string: ${JSON.stringify(value)}`);
  return value;
}

function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new Error(`not a boolean: ${JSON.stringify(value)}`);
  return value;
}

function object(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null) throw new Error(`not an object: ${JSON.stringify(value)}`);
  return value as JsonObject;
}

function stateName(value: unknown): StateName {
  if (value !== "open" && value !== "locked" && value !== "crossed")
    throw new Error(`state ${String(value)}`);
  return value;
}

function noticeCode(value: unknown): NoticeUpdate["code"] {
  if (value !== "resync" && value !== "slow_consumer" && value !== "shutdown") {
    throw new Error(`notice code ${String(value)}`);
  }
  return value;
}

function required(instrument: ReceivedInstrument | undefined): ReceivedInstrument {
  if (instrument === undefined) throw new Error("a message came before subscribed");
  return instrument;
}

function requireKeys(value: JsonObject, keys: readonly string[]): void {
  const found = Object.keys(value).toSorted().join(" ");
  const wanted = [...keys].toSorted().join(" ");
  if (found !== wanted) throw new Error(`keys are [${found}], the contract says [${wanted}]`);
}
