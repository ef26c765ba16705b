import type { FlowEvent } from "../support/flow-event.ts";
import { readDataLines } from "./data-directory.ts";
import { decimalsOf, mantissaOf } from "./decimal-text.ts";
import type { HeldTop, Scales } from "./held-top.ts";

/** What happened since the answer before, and the book that it must have led to. */
export interface OrderFileStep {
  readonly line: number;
  readonly events: readonly FlowEvent[];
  readonly answer: HeldTop;
}

/** A file of single orders with its answers. */
export interface OrderFile {
  readonly scales: Scales;
  readonly steps: readonly OrderFileStep[];
  /** After the last answer. */
  readonly rest: readonly FlowEvent[];
  readonly eventCount: number;
}

/** A number is a mantissa already, a string a decimal. */
type FileNumber = number | string;
type FileLevel = readonly [price: FileNumber, quantity: FileNumber];

type FileLine =
  | {
      readonly op: "add";
      readonly id: string;
      readonly side: "bid" | "ask";
      readonly price: FileNumber;
      readonly qty: FileNumber;
    }
  | { readonly op: "upd"; readonly id: string; readonly price?: FileNumber; readonly qty?: FileNumber }
  | { readonly op: "del"; readonly id: string }
  | { readonly op: "check"; readonly bids: readonly FileLevel[]; readonly asks: readonly FileLevel[] };

export function readOrderFile(fileName: string): OrderFile {
  const lines = readDataLines(fileName).map(({ number, text }) => ({
    number,
    line: JSON.parse(text) as FileLine,
  }));
  const scales = scalesOf(lines.map(({ line }) => line));
  const steps: OrderFileStep[] = [];
  let events: FlowEvent[] = [];
  let eventCount = 0;
  for (const { number, line } of lines) {
    if (line.op === "check") {
      steps.push({ line: number, events, answer: answerOf(line, scales) });
      events = [];
    } else {
      events.push(eventOf(line, scales));
      eventCount += 1;
    }
  }
  return { scales, steps, rest: events, eventCount };
}

function scalesOf(lines: readonly FileLine[]): Scales {
  let priceScale = 0;
  let quantityScale = 0;
  const widen = (price: FileNumber | undefined, quantity: FileNumber | undefined): void => {
    if (typeof price === "string") priceScale = Math.max(priceScale, decimalsOf(price));
    if (typeof quantity === "string") quantityScale = Math.max(quantityScale, decimalsOf(quantity));
  };
  for (const line of lines) {
    if (line.op === "add" || line.op === "upd") widen(line.price, line.qty);
    if (line.op === "check")
      for (const [price, quantity] of [...line.bids, ...line.asks]) widen(price, quantity);
  }
  return { priceScale, quantityScale };
}

function eventOf(line: Exclude<FileLine, { op: "check" }>, scales: Scales): FlowEvent {
  const name = nameOf(line.id);
  if (line.op === "del") return { action: "delete", ...name };
  return {
    action: line.op === "add" ? "add" : "update",
    ...name,
    ...(line.op === "add" && { side: line.side }),
    ...(line.price !== undefined && { price: mantissa(line.price, scales.priceScale) }),
    ...(line.qty !== undefined && { quantity: mantissa(line.qty, scales.quantityScale) }),
  };
}

/** A whole number is an order id, anything else an order key. */
function nameOf(id: string): Pick<FlowEvent, "orderId" | "orderKey"> {
  return /^[1-9]\d{0,17}$/.test(id) ? { orderId: BigInt(id) } : { orderKey: id };
}

function answerOf(line: Extract<FileLine, { op: "check" }>, scales: Scales): HeldTop {
  const levels = (side: readonly FileLevel[]): HeldTop["bids"] =>
    side.map(([price, quantity]) => [
      Number(mantissa(price, scales.priceScale)),
      Number(mantissa(quantity, scales.quantityScale)),
    ]);
  return { bids: levels(line.bids), asks: levels(line.asks) };
}

function mantissa(value: FileNumber, scale: number): bigint {
  return typeof value === "number" ? BigInt(value) : mantissaOf(value, scale);
}
