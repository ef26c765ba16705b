import { CrossPolicy, type Instrument } from "../../book/instrument.ts";
import { EventFlag, OrderAction, type OrderEventColumns, Side } from "../../book/order-events.ts";
import type { LogEntry } from "../../log/order-log.ts";
import { type BatchRecord, decodeRecord, RecordKind } from "../../log/record.ts";

const decoder = new TextDecoder();

const OPERATIONS: Readonly<Record<number, string>> = {
  [OrderAction.add]: "add",
  [OrderAction.update]: "upd",
  [OrderAction.delete]: "del",
  [OrderAction.reduce]: "reduce",
  [OrderAction.setLevel]: "level",
  [OrderAction.clear]: "clear",
};

/** An entry as one object of JSON. Prices and quantities are mantissas; what an event does not have is left out. */
export function readableEntry({ index, record }: LogEntry): object {
  const decoded = decodeRecord(record);
  switch (decoded.kind) {
    case RecordKind.rules:
      return { entry: index, kind: "rules", ...decoded.rules };
    case RecordKind.define:
      return { entry: index, kind: "define", instrument: readableInstrument(decoded.instrument) };
    case RecordKind.batch:
      return readableBatch(index, decoded);
  }
}

function readableInstrument(instrument: Instrument): object {
  return { ...instrument, crossPolicy: instrument.crossPolicy === CrossPolicy.flag ? "flag" : "reject" };
}

function readableBatch(index: number, batch: BatchRecord): object {
  const sourceTime = (BigInt(batch.sourceTimeHigh) << 32n) | BigInt(batch.sourceTimeLow >>> 0);
  return {
    entry: index,
    kind: "batch",
    // The instruments are numbered in the order of their definitions, from 1.
    instrument: batch.instrument,
    ...(batch.producerId !== "" && { producerId: batch.producerId, batchNumber: batch.batchNumber }),
    ...(sourceTime !== 0n && { sourceTime: String(sourceTime) }),
    events: Array.from({ length: batch.events.length }, (_, place) => readableEvent(batch.events, place)),
  };
}

function readableEvent(events: OrderEventColumns, place: number): object {
  const flags = events.flags[place] ?? 0;
  const action = events.action[place] ?? 0;
  return {
    op: OPERATIONS[action] ?? action,
    ...orderName(events, place),
    ...sideName(events.side[place]),
    ...((flags & EventFlag.hasPrice) !== 0 && { price: events.price[place] }),
    ...((flags & EventFlag.hasQuantity) !== 0 && { qty: events.quantity[place] }),
    ...((flags & ~(EventFlag.hasPrice | EventFlag.hasQuantity)) !== 0 && { outOfRange: true }),
  };
}

function orderName(events: OrderEventColumns, place: number): object {
  const keyLength = events.keyLength[place] ?? 0;
  if (keyLength > 0) {
    const at = events.keyOffset[place] ?? 0;
    return { key: decoder.decode(events.keyBytes.subarray(at, at + keyLength)) };
  }
  const high = BigInt((events.orderIdHigh[place] ?? 0) >>> 0);
  const id = (high << 32n) | BigInt((events.orderIdLow[place] ?? 0) >>> 0);
  return id === 0n ? {} : { id: String(id) };
}

function sideName(side: number | undefined): object {
  if (side === Side.bid) return { side: "bid" };
  return side === Side.ask ? { side: "ask" } : {};
}
