import type { WireBatch, WireEvent } from "./grpc-client.ts";
import type { TestOrderEvent } from "./naive-book.ts";

/** An order event as tests write it; what is left out is left out on the wire. */
export interface FlowEvent {
  /** A name, or a number that the contract does not know. */
  readonly action: FlowAction | number;
  readonly orderId?: bigint;
  readonly orderKey?: string;
  readonly side?: "bid" | "ask";
  /** Mantissas; out of range where a test wants it. */
  readonly price?: bigint;
  readonly quantity?: bigint;
}

export type FlowAction = "add" | "update" | "delete" | "reduce" | "set_level" | "clear";

export function wireEvent(event: FlowEvent): WireEvent {
  return {
    action: typeof event.action === "number" ? event.action : `ORDER_ACTION_${event.action.toUpperCase()}`,
    ...(event.orderId !== undefined && { orderId: String(event.orderId) }),
    ...(event.orderKey !== undefined && { orderKey: event.orderKey }),
    ...(event.side !== undefined && { side: `SIDE_${event.side.toUpperCase()}` }),
    ...(event.price !== undefined && { price: String(event.price) }),
    ...(event.quantity !== undefined && { quantity: String(event.quantity) }),
  };
}

export function wireBatch(symbol: string, events: readonly FlowEvent[]): WireBatch {
  return { symbol, events: events.map(wireEvent) };
}

/** An order that did not stand before, for tests that write single orders. */
export function add(
  orderId: number | bigint,
  side: "bid" | "ask",
  price: number | bigint,
  quantity: number | bigint,
): FlowEvent {
  return { action: "add", orderId: BigInt(orderId), side, price: BigInt(price), quantity: BigInt(quantity) };
}

/** The event as the naive model takes it. */
export function modelEvent(event: FlowEvent): TestOrderEvent {
  return {
    action: typeof event.action === "number" ? event.action : actionNumbers[event.action],
    ...(event.orderId !== undefined && { id: event.orderId }),
    ...(event.orderKey !== undefined && { key: event.orderKey }),
    ...(event.side !== undefined && { side: event.side === "bid" ? 1 : 2 }),
    ...(event.price !== undefined && { price: Number(event.price) }),
    ...(event.quantity !== undefined && { quantity: Number(event.quantity) }),
  };
}

const actionNumbers = { add: 1, update: 2, delete: 3, reduce: 4, set_level: 5, clear: 6 } as const;
