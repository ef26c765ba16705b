import { BookState } from "../book/depth.ts";
import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { parseDecimal } from "../protocol/decimal.ts";
import { NoticeCode } from "../protocol/update-encoder.ts";
import type {
  BookPosition,
  BookUpdate,
  MalformedUpdate,
  MarketSubscription,
  PriceLevel,
} from "./market-update.ts";

/**
 * The JSON dialect of the WebSocket bridge, as a client reads it. Everything is checked, as a server may
 * be another's: what is not as PROTOCOL section 5 says is a `malformed` update, where it names its view.
 */

type JsonObject = { readonly [key: string]: unknown };

/** A frame of the server: an update of a view, or an answer about the connection. */
export type JsonFrame =
  | BookUpdate
  | MalformedUpdate
  | { readonly type: "unsubscribed"; readonly viewId: number }
  | { readonly type: "error"; readonly id: string; readonly error: DepthcastError };

/** The scales of the numbers of a view, known from its `subscribed`. */
export type FindInstrument = (viewId: number) => Instrument | undefined;

/**
 * Undefined for a frame that is to be ignored.
 *
 * @throws DepthcastError `internal` where it is malformed, and does not even say of which view.
 */
export function readJsonFrame(frameText: string, findInstrument: FindInstrument): JsonFrame | undefined {
  try {
    return readFrame(frameText, findInstrument);
  } catch (thrown) {
    // From the text, which may be no JSON. Within a JSON string the quotes would be escaped.
    const viewId = /"viewId":(\d+)/.exec(frameText)?.[1];
    if (viewId === undefined) throw thrown;
    const id = /"id":"(\w+)"/.exec(frameText)?.[1] ?? "";
    const detail = DepthcastError.from(thrown).message;
    return { type: "malformed", viewId: Number(viewId), id, detail };
  }
}

function readFrame(frameText: string, findInstrument: FindInstrument): JsonFrame | undefined {
  const frame = object(parseJson(frameText), "frame");
  switch (frame["type"]) {
    case "subscribed":
    case "heartbeat":
    case "notice":
      return readPlainUpdate(frame);
    case "snapshot":
    case "delta": {
      const instrument = findInstrument(number(frame, "viewId"));
      // Of a view that is not subscribed, or of which the `subscribed` was malformed: nobody can read it.
      return instrument && readWindowUpdate(frame, instrument);
    }
    case "unsubscribed":
      return { type: "unsubscribed", viewId: number(frame, "viewId") };
    case "error":
      return { type: "error", id: optionalText(frame, "id"), error: readError(frame) };
    default:
      // A pong, or something newer than this client.
      return undefined;
  }
}

/** The request for a subscription. */
export function jsonSubscribe(subscription: MarketSubscription, id: string): string {
  const { symbol, depth, intervalMs, resume } = subscription;
  return JSON.stringify({
    op: "subscribe",
    id,
    symbol,
    depth,
    intervalMs,
    resume: resume && jsonPosition(resume),
  });
}

function jsonPosition({ epoch, sequence }: BookPosition) {
  return { epoch: String(epoch), sequence: String(sequence) };
}

function readPlainUpdate(frame: JsonObject): BookUpdate {
  const envelope = { viewId: number(frame, "viewId"), symbol: text(frame, "symbol") };
  if (frame["type"] === "notice") {
    const code = member(noticeCodes, text(frame, "code"), "code");
    return { type: "notice", ...envelope, code, detail: optionalText(frame, "detail") };
  }
  if (frame["type"] === "heartbeat") {
    return {
      type: "heartbeat",
      ...envelope,
      epoch: integer64(frame, "epoch"),
      sequence: safeInteger(frame, "sequence"),
      publishTimeUnixNanos: integer64(frame, "publishTime"),
    };
  }
  return {
    type: "subscribed",
    ...envelope,
    id: optionalText(frame, "id"),
    instrument: readInstrument(object(frame["instrument"], "instrument")),
    depth: number(frame, "depth"),
    intervalMs: number(frame, "intervalMs"),
    heartbeatIntervalMs: number(frame, "heartbeatIntervalMs"),
    resumed: frame["resumed"] === true,
  };
}

function readWindowUpdate(frame: JsonObject, instrument: Instrument): BookUpdate {
  const shared = {
    viewId: number(frame, "viewId"),
    symbol: text(frame, "symbol"),
    sequence: safeInteger(frame, "sequence"),
    bids: readLevels(frame, "bids", instrument),
    asks: readLevels(frame, "asks", instrument),
    checksum: number(frame, "checksum"),
    state: member(BookState, text(frame, "state"), "state"),
    sourceTimeUnixNanos: integer64(frame, "sourceTime"),
    publishTimeUnixNanos: integer64(frame, "publishTime"),
  };
  if (frame["type"] === "snapshot") {
    return { type: "snapshot", ...shared, epoch: integer64(frame, "epoch") };
  }
  return {
    type: "delta",
    ...shared,
    prevSequence: safeInteger(frame, "prevSequence"),
    mergedIntervals: number(frame, "mergedIntervals"),
  };
}

const noticeCodes: { readonly [name: string]: NoticeCode } = {
  resync: NoticeCode.resync,
  slow_consumer: NoticeCode.slowConsumer,
  shutdown: NoticeCode.shutdown,
};

const errorCodes: ReadonlySet<string> = new Set(Object.values(ErrorCode));

function readError(frame: JsonObject): DepthcastError {
  const code = text(frame, "code");
  const known = errorCodes.has(code) ? (code as ErrorCode) : ErrorCode.internal;
  return new DepthcastError(known, text(frame, "message"));
}

function readInstrument(json: JsonObject): Instrument {
  const priceScale = number(json, "priceScale");
  const quantityScale = number(json, "quantityScale");
  return {
    symbol: text(json, "symbol"),
    priceScale,
    quantityScale,
    crossPolicy: json["crossPolicy"] === "flag" ? CrossPolicy.flag : CrossPolicy.reject,
    tickSize: mantissa(json["tickSize"], priceScale, "tickSize"),
    lotSize: mantissa(json["lotSize"], quantityScale, "lotSize"),
    description: optionalText(json, "description"),
  };
}

function readLevels(frame: JsonObject, key: string, instrument: Instrument): PriceLevel[] {
  return array(frame[key], key).map((level) => {
    const [price, quantity, orderCount] = array(level, key);
    if (typeof orderCount !== "number") throw malformed(`${key} has no order count`);
    return {
      price: mantissa(price, instrument.priceScale, key),
      quantity: mantissa(quantity, instrument.quantityScale, key),
      orderCount,
    };
  });
}

function mantissa(value: unknown, scale: number, key: string): number {
  const parsed = typeof value === "string" ? parseDecimal(value, scale) : undefined;
  if (parsed === undefined)
    throw malformed(`${key} ${JSON.stringify(value)} is no decimal of scale ${scale}`);
  return parsed;
}

function parseJson(frameText: string): unknown {
  try {
    return JSON.parse(frameText);
  } catch {
    throw malformed("it is not JSON");
  }
}

function object(value: unknown, key: string): JsonObject {
  if (typeof value !== "object" || value === null) throw malformed(`${key} is not an object`);
  return value as JsonObject;
}

function array(value: unknown, key: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(`${key} is not an array`);
  return value;
}

function number(json: JsonObject, key: string): number {
  const value = json[key];
  if (typeof value !== "number" || !Number.isSafeInteger(value))
    throw malformed(`${key} is not a whole number`);
  return value;
}

function text(json: JsonObject, key: string): string {
  const value = json[key];
  if (typeof value !== "string") throw malformed(`${key} is not a string`);
  return value;
}

function optionalText(json: JsonObject, key: string): string {
  return json[key] === undefined ? "" : text(json, key);
}

function integer64(json: JsonObject, key: string): bigint {
  const value = text(json, key);
  if (!/^-?[0-9]{1,20}$/.test(value)) throw malformed(`${key} is not a 64-bit integer`);
  return BigInt(value);
}

function safeInteger(json: JsonObject, key: string): number {
  const value = Number(integer64(json, key));
  if (!Number.isSafeInteger(value)) throw malformed(`${key} is beyond 2^53 - 1`);
  return value;
}

function member<Value>(values: { readonly [name: string]: Value }, name: string, key: string): Value {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (value === undefined) throw malformed(`${key} ${JSON.stringify(name)} is unknown`);
  return value;
}

function malformed(what: string): DepthcastError {
  return new DepthcastError(ErrorCode.internal, `the server sent a malformed frame: ${what}`);
}
