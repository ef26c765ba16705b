import { describe, expect, it } from "vitest";
import {
  decodeRecord,
  encodeBatchRecord,
  encodeDefineRecord,
  encodeRulesRecord,
  readHeader,
  RecordKind,
} from "../../src/log/record.ts";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { eventColumns } from "../support/event-columns.ts";

const header = {
  instrument: 7,
  producerId: "feed-ä",
  batchNumber: 2 ** 53 - 1,
  sourceTimeLow: -5,
  sourceTimeHigh: 9,
};

function record(...events: Parameters<typeof eventColumns>[0]) {
  return encodeBatchRecord({ ...header, events: eventColumns(events) });
}

function columnsOf(buffer: ArrayBuffer) {
  const decoded = decodeRecord(buffer);
  if (decoded.kind !== RecordKind.batch) throw new Error("not a batch");
  return decoded;
}

describe("batch record", () => {
  const numbered = {
    action: 1,
    id: 0xffff_ffff_0000_0001n,
    side: 1,
    price: -42,
    quantity: 2 ** 53 - 1,
  } as const;
  const keyed = { action: 2, key: "db32e2a2-aa29", quantity: 0 } as const;

  it("gives back the header and every column", () => {
    const encoded = record(numbered, keyed);
    const { instrument, producerId, batchNumber } = header;
    expect(readHeader(encoded)).toEqual({ kind: RecordKind.batch, instrument, producerId, batchNumber });
    const decoded = columnsOf(encoded);
    expect(decoded).toMatchObject(header);
    const { events } = decoded;
    expect(events.length).toBe(2);
    expect([...events.action]).toEqual([1, 2]);
    expect([...events.side]).toEqual([1, 0]);
    expect([...events.flags]).toEqual([3, 2]);
    expect([...events.price]).toEqual([-42, 0]);
    expect([...events.quantity]).toEqual([2 ** 53 - 1, 0]);
    expect([...events.orderIdLow]).toEqual([1, 0]);
    expect([...events.orderIdHigh]).toEqual([-1, 0]);
    expect([...events.keyLength]).toEqual([0, 13]);
    const key = events.keyBytes.subarray(events.keyOffset[1], (events.keyOffset[1] ?? 0) + 13);
    expect(Buffer.from(key).toString()).toBe("db32e2a2-aa29");
  });

  it("has no key columns where no event has a key", () => {
    const withoutKeys = record(numbered, numbered);
    expect(withoutKeys.byteLength).toBe(48 + 2 * 27 + Buffer.byteLength(header.producerId));
    const { events } = columnsOf(withoutKeys);
    expect([...events.keyLength.subarray(0, 2)]).toEqual([0, 0]);
  });

  it("is the same bytes wherever the source's keys lay", () => {
    const source = eventColumns([keyed, keyed]);
    const padded = {
      ...source,
      keyBytes: Uint8Array.from([1, 2, 3, ...source.keyBytes]),
      keyOffset: source.keyOffset.map((offset) => offset + 3),
    };
    expect(Buffer.from(encodeBatchRecord({ ...header, events: padded }))).toEqual(
      Buffer.from(encodeBatchRecord({ ...header, events: source })),
    );
  });

  it("holds a batch of no events", () => {
    expect(columnsOf(record()).events.length).toBe(0);
  });
});

describe("other records", () => {
  it("give back definitions and rules", () => {
    const instrument = {
      symbol: "BTC-USD",
      priceScale: 2,
      quantityScale: 8,
      crossPolicy: CrossPolicy.flag,
      tickSize: 1,
      lotSize: 0,
      description: "Bitcoin, “spot”",
    };
    const rules = {
      rulesVersion: 1,
      liveOrdersMax: 5,
      levelsPerSideMax: 6,
      instrumentsMax: 7,
      producersMax: 8,
    } as const;
    expect(decodeRecord(encodeDefineRecord(instrument))).toEqual({ kind: RecordKind.define, instrument });
    expect(decodeRecord(encodeRulesRecord(rules))).toEqual({ kind: RecordKind.rules, rules });
  });
});

describe("damaged records are refused", () => {
  const good = record({ action: 3, id: 1n });
  const changed = (offset: number, value: number) => {
    const copy = good.slice(0);
    new DataView(copy).setUint16(offset, value, true);
    return copy;
  };

  it.each([
    ["empty", new ArrayBuffer(0), /shorter than its header/],
    ["cut", good.slice(0, good.byteLength - 1), /not as long as it says/],
    ["without its mark", changed(0, 0), /without the mark/],
    ["of another version", changed(4, 2), /version 2: this build reads version 1/],
    ["of another kind", changed(6, 9), /unknown kind \(9\)/],
    ["with another event count", changed(32, 2), /not as long as its columns/],
  ])("%s", (_, buffer, message) => {
    expect(() => decodeRecord(buffer)).toThrow(message);
  });
});
