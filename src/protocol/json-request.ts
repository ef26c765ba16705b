import { DepthcastError } from "../errors.ts";
import { type Limits, SUBSCRIPTION_ID_BYTES_MAX } from "../limits.ts";
import type { ClientRequest } from "./client-request.ts";
import { checkSubscription, type Position, quoteForeign, refusedField } from "./subscription.ts";
import { numberFromWire } from "./wide-numbers.ts";

/**
 * Reads one frame of the JSON dialect. Never throws for what is in the frame. Keys that are not known are
 * ignored, so that a newer client can talk to an older server; `null` is no value of any field.
 *
 * @param frame UTF-8, checked already
 */
export function readJsonRequest(frame: Buffer, limits: Limits): ClientRequest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(frame.toString("utf8"));
  } catch {
    return { op: "malformed", reason: "a frame must be JSON" };
  }
  let id = "";
  try {
    if (!isObject(parsed)) throw refusedField("request", "must be a JSON object");
    const op = field(parsed, "op");
    if (op === "subscribe") {
      id = readId(parsed);
      return { op, subscription: readSubscription(parsed, id, limits) };
    }
    if (op === "unsubscribe") return { op, viewId: readViewId(parsed) };
    if (op === "ping") return { op };
    const given = typeof op === "string" ? quoteForeign(op) : "it";
    throw refusedField("op", `${given} is not one of "subscribe", "unsubscribe", "ping"`);
  } catch (thrown) {
    return { op: "refused", id, error: DepthcastError.from(thrown) };
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Own fields only: nothing is read off the prototype. */
function field(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Read first, so that every refusal after it can carry it. One that is too long is not echoed. */
function readId(request: JsonObject): string {
  const id = field(request, "id");
  if (id === undefined) return "";
  if (typeof id !== "string") throw refusedField("id", "must be a string");
  if (id.length > SUBSCRIPTION_ID_BYTES_MAX || Buffer.byteLength(id) > SUBSCRIPTION_ID_BYTES_MAX) {
    throw refusedField("id", `must have at most ${SUBSCRIPTION_ID_BYTES_MAX} bytes`);
  }
  return id;
}

function readSubscription(request: JsonObject, id: string, limits: Limits) {
  const symbol = field(request, "symbol");
  if (typeof symbol !== "string") throw refusedField("symbol", "must be a string");
  const depth = readNumber(request, "depth") ?? 0;
  const intervalMs = readNumber(request, "intervalMs");
  const resume = readPosition(field(request, "resume"));
  return checkSubscription({ symbol, depth, intervalMs, resume, id }, limits, (name) => name);
}

function readNumber(request: JsonObject, name: string): number | undefined {
  const value = field(request, name);
  if (value === undefined) return undefined;
  if (typeof value !== "number") throw refusedField(name, "must be a number");
  return value;
}

function readViewId(request: JsonObject): number {
  const viewId = field(request, "viewId");
  if (typeof viewId !== "number" || !Number.isInteger(viewId) || viewId < 0 || viewId > 0xffff_ffff) {
    throw refusedField("viewId", "must be the viewId of a subscription");
  }
  return viewId;
}

function readPosition(resume: unknown): Position | undefined {
  if (resume === undefined) return undefined;
  if (!isObject(resume)) throw refusedField("resume", "must be an object with epoch and sequence");
  return { epoch: readUint64(resume, "epoch"), sequence: numberFromWire(readUint64(resume, "sequence")) };
}

const UINT64_MAX = 2n ** 64n - 1n;

function readUint64(object: JsonObject, name: string): bigint {
  const text = field(object, name);
  if (typeof text === "string" && /^[0-9]{1,20}$/.test(text)) {
    const value = BigInt(text);
    if (value <= UINT64_MAX) return value;
  }
  throw refusedField(`resume.${name}`, "must be a string of decimal digits, at most 2^64 - 1");
}
