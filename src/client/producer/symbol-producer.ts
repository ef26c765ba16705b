import { OrderAction, type Side } from "../../book/order-events.ts";
import type { Instrument } from "../../book/instrument.ts";
import type { RejectReason } from "../../book/rejection.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { decimalFault, parseDecimal } from "../../protocol/decimal.ts";
import { Amount } from "../amount.ts";
import type { ProducerEvent } from "../ingest-batch-writer.ts";
import type { BookPosition } from "../market-update.ts";
import type { Producer } from "./producer.ts";
import type { ProducerStatus, ProducerTotals } from "./producer-options.ts";
import type { RejectedEvent } from "./rejected-event.ts";

/** An order's name: a number from 1 to 2^64 − 1 (a `number` up to 2^53 − 1), or a key of 1 to 64 bytes. */
export type OrderId = bigint | number | string;

/** A price: exact as text (`"412.75"`), or as a mantissa (value × 10^priceScale). */
export type OrderPrice =
  | { readonly price: string; readonly priceMantissa?: never }
  | { readonly priceMantissa: number; readonly price?: never };

/** A quantity: exact as text (`"0.5"`), or as a mantissa (value × 10^quantityScale). */
export type OrderQuantity =
  | { readonly quantity: string; readonly quantityMantissa?: never }
  | { readonly quantityMantissa: number; readonly quantity?: never };

type NoPrice = { readonly price?: never; readonly priceMantissa?: never };
type NoQuantity = { readonly quantity?: never; readonly quantityMantissa?: never };

/** An order as it comes into the book: price and quantity each in one of their forms. */
export type NewOrder = { readonly side: Side } & OrderPrice & OrderQuantity;
/** What changes: at least one of them. */
export type OrderChange = (OrderPrice & (OrderQuantity | NoQuantity)) | (NoPrice & OrderQuantity);

/** An event that the server refused. It changed nothing, and stopped no later one. */
export interface Rejection {
  readonly action: OrderAction;
  /** Undefined for a level or a clear. */
  readonly id: bigint | string | undefined;
  readonly side: Side | undefined;
  readonly price: Amount | undefined;
  readonly quantity: Amount | undefined;
  readonly reason: RejectReason;
  /** The rule that it broke, in words for people. */
  readonly detail: string;
}

/**
 * A producer of one symbol, with prices and quantities as people write them. Every event counts exactly once, whatever
 * happens to the connection or the server; see `Producer`, which it is made of.
 *
 * A method that answers a promise has to be awaited before the next event: no more is kept for now, or the server is
 * away. The simplest is to await every one. They throw DepthcastError: `invalid_argument` for what is no id, price
 * or quantity of this instrument (nothing is sent of it), and why the producer has stopped.
 */
export class SymbolProducer {
  readonly instrument: Instrument;
  readonly #producer: Producer;

  /** @internal See `producer` of the client. */
  constructor(producer: Producer, instrument: Instrument) {
    this.#producer = producer;
    this.instrument = instrument;
  }

  /** A new order. */
  add(id: OrderId, order: NewOrder): Promise<void> | undefined {
    return this.#write({ action: OrderAction.add, ...orderName(id), side: order.side, ...this.#read(order) });
  }

  /** Another price, or another remaining quantity (0 removes it), or both. */
  update(id: OrderId, change: OrderChange): Promise<void> | undefined {
    return this.#write({ action: OrderAction.update, ...orderName(id), ...this.#read(change) });
  }

  /** Takes this much off what remains: an execution, or a part that is cancelled. */
  reduce(id: OrderId, by: OrderQuantity): Promise<void> | undefined {
    return this.#write({ action: OrderAction.reduce, ...orderName(id), ...this.#read(by) });
  }

  /** The order is gone. */
  remove(id: OrderId): Promise<void> | undefined {
    return this.#write({ action: OrderAction.delete, ...orderName(id) });
  }

  /** For sources that have levels rather than orders: the whole quantity at a price; 0 removes it. */
  setLevel(level: NewOrder): Promise<void> | undefined {
    return this.#write({ action: OrderAction.setLevel, side: level.side, ...this.#read(level) });
  }

  /** Empties the book. */
  clear(): Promise<void> | undefined {
    return this.#write({ action: OrderAction.clear });
  }

  /** Sends what is gathered; resolves when everything so far is durable and applied, and refusals have been told. */
  flush(): Promise<void> {
    return this.#producer.flush();
  }

  /** As `flush`, and ends the producer: nothing can be written from the call on. */
  close(): Promise<ProducerTotals> {
    return this.#producer.close();
  }

  /** Ends the producer at once; what was not acknowledged may or may not have been applied. Idempotent. */
  abort(): void {
    this.#producer.abort();
  }

  /** Connected, connecting again, or why it has ended. */
  get status(): ProducerStatus {
    return this.#producer.status;
  }

  /** What became of the events that are acknowledged so far. */
  get totals(): ProducerTotals {
    return this.#producer.totals;
  }

  /** The symbol's position after the last batch that was acknowledged: a book that has it shows what was sent. */
  get position(): BookPosition | undefined {
    return this.#producer.position(this.instrument.symbol);
  }

  #write(event: ProducerEvent): Promise<void> | undefined {
    return this.#producer.write(this.instrument.symbol, event);
  }

  #read(order: OrderNumbers): Pick<ProducerEvent, "price" | "quantity"> {
    const { priceScale, quantityScale } = this.instrument;
    const price = mantissaOf("price", order.price, order.priceMantissa, priceScale);
    const quantity = mantissaOf("quantity", order.quantity, order.quantityMantissa, quantityScale);
    return { ...(price !== undefined && { price }), ...(quantity !== undefined && { quantity }) };
  }
}

/** A refusal in the numbers of its instrument. */
export function readRejection(
  { event, reason, detail }: RejectedEvent,
  { priceScale, quantityScale }: Instrument,
): Rejection {
  const { action, orderId, orderKey, side, price, quantity } = event;
  return {
    action,
    id: orderId ?? orderKey,
    side,
    price: price === undefined ? undefined : new Amount(price, priceScale),
    quantity: quantity === undefined ? undefined : new Amount(quantity, quantityScale),
    reason,
    detail,
  };
}

/** What the types above have in common. */
interface OrderNumbers {
  readonly price?: string;
  readonly priceMantissa?: number;
  readonly quantity?: string;
  readonly quantityMantissa?: number;
}

function orderName(id: OrderId): Pick<ProducerEvent, "orderId" | "orderKey"> {
  if (typeof id === "string") return { orderKey: id };
  if (typeof id === "bigint") return { orderId: id };
  if (!Number.isSafeInteger(id)) throw refused("id", `${id} is not exact: give it as a bigint or a string`);
  return { orderId: BigInt(id) };
}

/** The range of a mantissa is looked at where it is written. */
function mantissaOf(
  field: "price" | "quantity",
  text: string | undefined,
  mantissa: number | undefined,
  scale: number,
): number | undefined {
  if (text === undefined) return mantissa;
  if (mantissa !== undefined) throw refused(field, `give ${field} or ${field}Mantissa, not both`);
  if (typeof text !== "string") throw refused(field, "must be a string: a number is not exact");
  const parsed = parseDecimal(text, scale);
  if (parsed === undefined) throw refused(field, `"${text}" ${decimalFault(text, scale)}`);
  return parsed;
}

function refused(field: string, rule: string): DepthcastError {
  return new DepthcastError(ErrorCode.invalidArgument, `${field}: ${rule}`, { field });
}
