import { OrderAction, Side } from "../../book/order-events.ts";
import type { ProducerEvent } from "../../client/ingest-batch-writer.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { decimalFault, parseDecimal } from "../../protocol/decimal.ts";

/** A price and a quantity that a check expects. Mantissas. */
export interface ExpectedLevel {
  readonly price: number;
  readonly quantity: number;
}

/** After all events before it, the best levels of the book are exactly these. */
export interface BookCheck {
  readonly bids: readonly ExpectedLevel[];
  readonly asks: readonly ExpectedLevel[];
}

/** What a line of an event file says. */
export type EventLine =
  | { readonly type: "event"; readonly event: ProducerEvent }
  | { readonly type: "check"; readonly check: BookCheck };

export interface Scales {
  readonly priceScale: number;
  readonly quantityScale: number;
}

const ORDER_ID_MAX = 0xffff_ffff_ffff_ffffn;

/**
 * Reads one line. A number in JSON is a mantissa, a string is a decimal at the instrument's scale.
 *
 * @throws DepthcastError `invalid_argument` that says what is wrong, without the line's number.
 */
export function parseEventLine(text: string, scales: Scales): EventLine {
  const line = parseObject(text);
  switch (line["op"]) {
    case "add":
      return event(OrderAction.add, line, {
        side: readSide(line["side"]),
        price: readNumber(line, "price", scales.priceScale),
        quantity: readNumber(line, "qty", scales.quantityScale),
      });
    case "upd":
      return event(OrderAction.update, line, {
        ...(line["price"] !== undefined && { price: readNumber(line, "price", scales.priceScale) }),
        ...(line["qty"] !== undefined && { quantity: readNumber(line, "qty", scales.quantityScale) }),
      });
    case "del":
      return event(OrderAction.delete, line, {});
    case "check":
      return {
        type: "check",
        check: { bids: readLevels(line, "bids", scales), asks: readLevels(line, "asks", scales) },
      };
    default:
      throw malformed(`"op" must be add, upd, del or check, not ${JSON.stringify(line["op"])}`);
  }
}

type JsonObject = { readonly [key: string]: unknown };

function parseObject(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw malformed("it is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed("it is not a JSON object");
  }
  return value as JsonObject;
}

function event(action: OrderAction, line: JsonObject, rest: Partial<ProducerEvent>): EventLine {
  return { type: "event", event: { action, ...readOrderName(line["id"]), ...rest } };
}

/** A whole number goes as a number, anything else as a key; so two ids never become one. */
function readOrderName(id: unknown): Pick<ProducerEvent, "orderId" | "orderKey"> {
  const text = typeof id === "number" && Number.isSafeInteger(id) ? String(id) : id;
  if (typeof text !== "string" || text === "") throw malformed(`"id" must be a string or a whole number`);
  if (/^[1-9][0-9]{0,19}$/.test(text)) {
    const orderId = BigInt(text);
    if (orderId <= ORDER_ID_MAX) return { orderId };
  }
  return { orderKey: text };
}

function readSide(side: unknown): Side {
  if (side === "bid") return Side.bid;
  if (side === "ask") return Side.ask;
  throw malformed(`"side" must be bid or ask, not ${JSON.stringify(side)}`);
}

function readNumber(line: JsonObject, key: string, scale: number): number {
  return readMantissa(line[key], key, scale);
}

function readLevels(line: JsonObject, key: "bids" | "asks", scales: Scales): ExpectedLevel[] {
  const levels = line[key];
  if (!Array.isArray(levels)) throw malformed(`"${key}" must be an array of [price, quantity]`);
  return levels.map((level: unknown) => {
    if (!Array.isArray(level)) throw malformed(`"${key}" must be an array of [price, quantity]`);
    const [price, quantity] = level as unknown[];
    return {
      price: readMantissa(price, `price of "${key}"`, scales.priceScale),
      quantity: readMantissa(quantity, `quantity of "${key}"`, scales.quantityScale),
    };
  });
}

function readMantissa(value: unknown, what: string, scale: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  if (typeof value === "string") {
    const mantissa = parseDecimal(value, scale);
    if (mantissa !== undefined) return mantissa;
    throw malformed(`${what} "${value}" ${decimalFault(value, scale)}`);
  }
  throw malformed(`${what} must be a whole number (a mantissa) or a decimal string`);
}

function malformed(what: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, what);
}
