import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventFlag, OrderAction, type OrderEventColumns, Side } from "../../src/book/order-events.ts";
import { DepthcastError, ErrorCode } from "../../src/errors.ts";
import { createLimits } from "../../src/limits.ts";
import { IngestRequestSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import { OrderEventSchema } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { decodeIngestRequest } from "../../src/protocol/ingest-decoder.ts";

const limits = createLimits();
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

type EventInit = MessageInitShape<typeof OrderEventSchema>;

function encode(request: MessageInitShape<typeof IngestRequestSchema>): Uint8Array {
  return toBinary(IngestRequestSchema, create(IngestRequestSchema, { symbol: "AMZN", ...request }));
}

function refusal(bytes: Uint8Array): DepthcastError {
  try {
    decodeIngestRequest(bytes, limits);
  } catch (thrown) {
    if (thrown instanceof DepthcastError) return thrown;
    throw thrown;
  }
  throw new Error("the message was taken");
}

function enumByte(value: number): number {
  return value >= 0 && value < 255 ? value : 255;
}

/** An event as its columns should show it. */
function expectedEvent(event: EventInit) {
  const { price, quantity, orderId = 0n, orderKey = "" } = event;
  const key = Buffer.from(orderKey);
  const priceFits = price === undefined || (price <= SAFE_MAX && price >= -SAFE_MAX);
  const quantityFits = quantity === undefined || quantity <= SAFE_MAX;
  return {
    action: enumByte(event.action ?? 0),
    side: enumByte(event.side ?? 0),
    orderId: BigInt.asUintN(64, orderId),
    key: key.length > 64 ? "" : orderKey,
    price: priceFits ? Number(price ?? 0n) : 0,
    quantity: quantityFits ? Number(quantity ?? 0n) : 0,
    flags:
      (price === undefined ? 0 : EventFlag.hasPrice) |
      (quantity === undefined ? 0 : EventFlag.hasQuantity) |
      (priceFits ? 0 : EventFlag.priceOutOfRange) |
      (quantityFits ? 0 : EventFlag.quantityOutOfRange) |
      (key.length > 64 ? EventFlag.keyTooLong : 0),
  };
}

function shownEvent(columns: OrderEventColumns, index: number) {
  const at = columns.keyOffset[index] ?? 0;
  const low = BigInt((columns.orderIdLow[index] ?? 0) >>> 0);
  const high = BigInt((columns.orderIdHigh[index] ?? 0) >>> 0);
  return {
    action: columns.action[index],
    side: columns.side[index],
    orderId: (high << 32n) | low,
    key: Buffer.from(columns.keyBytes.subarray(at, at + (columns.keyLength[index] ?? 0))).toString(),
    price: columns.price[index],
    quantity: columns.quantity[index],
    flags: columns.flags[index],
  };
}

const uint64 = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 1000n }));
const sint64 = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.integer().map(BigInt));
const edge = fc.constantFrom(SAFE_MAX, SAFE_MAX + 1n, 0n, 1n);
const anyEvent = fc.record(
  {
    action: fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer()),
    orderId: uint64,
    orderKey: fc.oneof(fc.string({ unit: "binary", maxLength: 70 }), fc.string({ maxLength: 64 })),
    side: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer()),
    price: fc.oneof(
      sint64,
      edge,
      edge.map((value) => -value),
    ),
    quantity: fc.oneof(uint64, edge),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<EventInit>;

/** A batch with unknown fields, among them groups in groups. */
function withGroups(depth: number): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string("AMZN");
  for (let level = 0; level < depth; level++) writer.tag(20, WireType.StartGroup);
  for (let level = 0; level < depth; level++) writer.tag(20, WireType.EndGroup);
  writer.tag(21, WireType.Bit32).fixed32(1).tag(22, WireType.Bit64).fixed64(1n);
  return writer.tag(23, WireType.LengthDelimited).bytes(new Uint8Array(1000)).finish();
}

/** A field as it stands on the wire. `isOurs` = of the schema and with its wire type. */
interface WireField {
  readonly bytes: Uint8Array;
  readonly isOurs: boolean;
  /** Where protobuf-es is to see other bytes. */
  readonly oracleBytes?: Uint8Array;
}

function field(isOurs: boolean, write: (writer: BinaryWriter) => BinaryWriter): WireField {
  return { isOurs, bytes: write(new BinaryWriter()).finish() };
}

const foreignBytes = fc.uint8Array({ maxLength: 200 });
/** Fields that no schema of ours has, and groups with anything in them. */
const unknownField = fc
  .tuple(fc.integer({ min: 7, max: 2 ** 29 - 1 }), uint64, foreignBytes, fc.integer({ min: 0, max: 4 }))
  .map(([number, value, bytes, kind]) =>
    field(false, (writer) => {
      if (kind === 0) return writer.tag(number, WireType.Varint).uint64(value);
      if (kind === 1) return writer.tag(number, WireType.Bit64).fixed64(value);
      if (kind === 2) return writer.tag(number, WireType.Bit32).fixed32(Number(value & 0xffff_ffffn));
      if (kind === 3) return writer.tag(number, WireType.LengthDelimited).bytes(bytes);
      writer.tag(number, WireType.StartGroup).tag(2, WireType.LengthDelimited).bytes(bytes);
      return writer.tag(number, WireType.EndGroup);
    }),
  );
/** Known field numbers with another wire type, "packed" ones among them: unknown fields to us. */
function mistypedField(varintNumbers: readonly number[], otherNumbers: readonly number[]) {
  return fc.oneof(
    fc
      .tuple(fc.constantFrom(...varintNumbers), foreignBytes)
      .map(([number, bytes]) =>
        field(false, (writer) => writer.tag(number, WireType.LengthDelimited).bytes(bytes)),
      ),
    fc
      .tuple(fc.constantFrom(...otherNumbers), uint64)
      .map(([number, value]) => field(false, (writer) => writer.tag(number, WireType.Varint).uint64(value))),
  );
}

const eventField = fc.oneof(
  fc.integer().map((value) => field(true, (writer) => writer.tag(1, WireType.Varint).int32(value))),
  uint64.map((value) => field(true, (writer) => writer.tag(2, WireType.Bit64).fixed64(value))),
  fc
    .string({ maxLength: 70 })
    .map((value) => field(true, (writer) => writer.tag(3, WireType.LengthDelimited).string(value))),
  fc.integer().map((value) => field(true, (writer) => writer.tag(4, WireType.Varint).int32(value))),
  fc
    .oneof(
      sint64,
      edge.map((value) => -value),
    )
    .map((value) => field(true, (writer) => writer.tag(5, WireType.Varint).sint64(value))),
  fc
    .oneof(uint64, edge)
    .map((value) => field(true, (writer) => writer.tag(6, WireType.Varint).uint64(value))),
  unknownField,
  mistypedField([1, 4, 5, 6], [2, 3]),
);
const plainEvent = anyEvent.map((event) => {
  const bytes = toBinary(OrderEventSchema, create(OrderEventSchema, event));
  return field(true, (writer) => writer.tag(2, WireType.LengthDelimited).bytes(bytes));
});
/** An event with its fields in any order, any number of times; beside it what protobuf-es is to see of it. */
const mixedEvent = fc.array(eventField, { maxLength: 8 }).map((fields) => {
  const event = (seen: readonly WireField[]) =>
    new BinaryWriter()
      .tag(2, WireType.LengthDelimited)
      .bytes(Buffer.concat(seen.map(({ bytes }) => bytes)))
      .finish();
  return { isOurs: true, bytes: event(fields), oracleBytes: event(fields.filter(({ isOurs }) => isOurs)) };
});
const requestField: fc.Arbitrary<WireField> = fc.oneof(
  { weight: 4, arbitrary: plainEvent },
  { weight: 4, arbitrary: mixedEvent },
  fc
    .string({ maxLength: 21 })
    .map((value) => field(true, (writer) => writer.tag(3, WireType.LengthDelimited).string(value))),
  uint64.map((value) => field(true, (writer) => writer.tag(4, WireType.Varint).uint64(value))),
  sint64.map((value) => field(true, (writer) => writer.tag(5, WireType.Varint).int64(value))),
  unknownField,
  mistypedField([4, 5], [1, 2, 3]),
);
const SYMBOL_FIELD = field(true, (writer) => writer.tag(1, WireType.LengthDelimited).string("AMZN"));
/** Larger than what is decoded in the workspace. */
const LARGE_FIELD = field(false, (writer) =>
  writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(70_000)),
);

function plainEventOf(event: EventInit): Uint8Array {
  const bytes = toBinary(OrderEventSchema, create(OrderEventSchema, event));
  return new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(bytes).finish();
}

/** Expects of a message what protobuf-es makes of `oracleBytes`. */
function expectDecoded(message: Uint8Array, oracleBytes: Uint8Array): void {
  const expected = fromBinary(IngestRequestSchema, oracleBytes);
  const batch = decodeIngestRequest(message, limits);
  expect(batch.symbol).toBe(expected.symbol);
  expect(batch.producerId).toBe(expected.producerId);
  expect(batch.batchNumber).toBe(expected.batchNumber > SAFE_MAX ? Infinity : Number(expected.batchNumber));
  const sourceTime = (BigInt(batch.sourceTimeHigh) << 32n) | BigInt(batch.sourceTimeLow >>> 0);
  expect(BigInt.asIntN(64, sourceTime)).toBe(expected.sourceTimeUnixNanos);
  expect(batch.events.length).toBe(expected.events.length);
  const shown = expected.events.map((_, index) => shownEvent(batch.events, index));
  expect(shown).toEqual(expected.events.map(expectedEvent));
}

describe("decodeIngestRequest", () => {
  it("reads what protobuf-es wrote", () => {
    fc.assert(
      fc.property(
        fc.array(anyEvent, { maxLength: 20 }),
        uint64,
        sint64,
        fc.string({ maxLength: 20 }),
        (events, batchNumber, sourceTimeUnixNanos, producerId) => {
          const batch = decodeIngestRequest(
            encode({ events, batchNumber, sourceTimeUnixNanos, producerId }),
            limits,
          );
          expect(batch.symbol).toBe("AMZN");
          expect(batch.producerId).toBe(producerId);
          expect(batch.batchNumber).toBe(batchNumber > SAFE_MAX ? Infinity : Number(batchNumber));
          expect(
            BigInt.asIntN(64, (BigInt(batch.sourceTimeHigh) << 32n) | BigInt(batch.sourceTimeLow >>> 0)),
          ).toBe(sourceTimeUnixNanos);
          expect(batch.events.length).toBe(events.length);
          const shown = events.map((_, index) => shownEvent(batch.events, index));
          expect(shown).toEqual(events.map(expectedEvent));
        },
      ),
    );
  });

  it("reads fields in any order, any number of times and among unknown ones as protobuf-es does", () => {
    fc.assert(
      fc.property(fc.array(requestField, { maxLength: 12 }), fc.boolean(), (fields, isLarge) => {
        const all = isLarge ? [LARGE_FIELD, SYMBOL_FIELD, ...fields] : [SYMBOL_FIELD, ...fields];
        const ours: WireField[] = [SYMBOL_FIELD, ...fields.filter(({ isOurs }) => isOurs)];
        const oracle = ours.map(({ bytes, oracleBytes }) => oracleBytes ?? bytes);
        expectDecoded(Buffer.concat(all.map(({ bytes }) => bytes)), Buffer.concat(oracle));
      }),
      { numRuns: 500 },
    );
  });

  it("takes a message that is cut between two fields, and refuses one that is cut inside", () => {
    const fields = fc.array(fc.oneof(plainEvent, requestField), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fields, fc.nat(), fc.boolean(), (all, cut, isLarge) => {
        const head = isLarge ? [LARGE_FIELD, SYMBOL_FIELD] : [SYMBOL_FIELD];
        const [first, message] = [head, [...head, ...all]].map((some) =>
          Buffer.concat(some.map(({ bytes }) => bytes)),
        ) as [Buffer, Buffer];
        const boundaries = new Set([first.length]);
        let end = first.length;
        for (const { bytes } of all) boundaries.add((end += bytes.length));
        const length = first.length + (cut % (message.length - first.length + 1));
        const cutMessage = message.subarray(0, length);
        if (boundaries.has(length)) decodeIngestRequest(cutMessage, limits);
        else expect(refusal(cutMessage).details.reason).toBe("MALFORMED_MESSAGE");
      }),
      { numRuns: 500 },
    );
  });

  it("refuses an event that is cut short inside a field, though the message goes on", () => {
    const event = toBinary(
      OrderEventSchema,
      create(OrderEventSchema, { action: 1, orderId: 300n, side: 1, price: 70_000n, quantity: 2n ** 40n }),
    );
    const boundaries = new Set([0, 2, 11, 13, 17]);
    for (let length = 0; length < event.length; length++) {
      const message = new BinaryWriter()
        .tag(1, WireType.LengthDelimited)
        .string("AMZN")
        .tag(2, WireType.LengthDelimited)
        .bytes(event.subarray(0, length))
        .tag(2, WireType.LengthDelimited)
        .bytes(event)
        .finish();
      if (boundaries.has(length)) expectDecoded(message, message);
      else expect(refusal(message).details.reason).toBe("MALFORMED_MESSAGE");
    }
  });

  it("leaves nothing of a batch in the next one", () => {
    const full: EventInit = {
      action: OrderAction.clear,
      orderKey: "key",
      side: 2,
      price: 2n ** 60n,
      quantity: 2n ** 60n,
    };
    const numbered: EventInit = { ...full, orderKey: "", orderId: 2n ** 64n - 1n, price: -7n, quantity: 7n };
    const sparseEvents: EventInit[] = [{}, { orderId: 1n }, { orderKey: "é" }, { side: Side.ask }];
    for (const sparse of sparseEvents) {
      const events = Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? full : numbered));
      decodeIngestRequest(encode({ events, producerId: "p", batchNumber: 1n }), limits);
      const next = encode({ events: [sparse, sparse] });
      expectDecoded(next, next);
    }
  });

  it("reads the symbol whatever that of the message before was, and wherever it stands", () => {
    const symbols = ["A", "AM", "AMZN", "AMZNAMZNA", "B", "BMZN", "AMZM", "S".repeat(32)];
    const symbolField = (symbol: string) =>
      new BinaryWriter().tag(1, WireType.LengthDelimited).string(symbol).finish();
    const event = plainEventOf({ orderId: 7n });
    for (const before of symbols) {
      for (const symbol of symbols) {
        const [first, own] = [symbolField(before), symbolField(symbol)];
        for (const parts of [[own, event], [event, own], [first, own, event], [first, event, own], [own]]) {
          decodeIngestRequest(symbolField(before), limits);
          const message = Buffer.concat(parts);
          expectDecoded(message, message);
        }
        decodeIngestRequest(symbolField(before), limits);
        for (let end = 0; end < own.length; end++) {
          expect(refusal(own.subarray(0, end)).code).toMatch(/invalid_argument|not_found/);
        }
      }
    }
  });

  it("counts the events of a small batch too", () => {
    const few = { ...limits, eventsPerBatchMax: 3 };
    const symbol = Buffer.from([0x0a, 1, 65]);
    for (const event of [{}, { orderId: 1n, price: 2n ** 50n, quantity: 2n ** 50n }]) {
      const all = (count: number) =>
        Buffer.concat([symbol, ...Array.from({ length: count }, () => plainEventOf(event))]);
      expect(decodeIngestRequest(all(3), few).events.length).toBe(3);
      expect(() => decodeIngestRequest(all(4), few)).toThrow("events: 4 are over the limit of 3");
      for (const count of [127, 128, 129, 130]) {
        expect(decodeIngestRequest(all(count), limits).events.length).toBe(count);
      }
    }
  });

  it("does not change the message, and reads it wherever it stands in its buffer", () => {
    const bytes = encode({ events: [{ orderKey: "key", price: 1n }, { orderId: 5n }], producerId: "p" });
    const buffer = Buffer.concat([Buffer.alloc(5, 0xff), bytes, Buffer.alloc(5, 0xff)]);
    const before = Buffer.from(buffer);
    expectDecoded(buffer.subarray(5, buffer.length - 5), bytes);
    expect(buffer).toEqual(before);
  });

  // protobuf-es is no oracle here: it lets a sub-message run past its end, and reads a known field of a
  // wrong wire type as if it had the right one.
  it("takes damaged messages or refuses them, and never fails otherwise", () => {
    const valid = fc.array(anyEvent, { maxLength: 4 }).map((events) => encode({ events, producerId: "p" }));
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    });
    let [taken, refused] = [0, 0];
    fc.assert(
      fc.property(valid, damage, fc.nat(), (bytes, changes, cut) => {
        const damaged = Uint8Array.from(bytes.subarray(0, bytes.length - (cut % 3)));
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        try {
          decodeIngestRequest(damaged, limits);
          taken++;
        } catch (thrown) {
          if (!(thrown instanceof DepthcastError)) throw thrown;
          refused++;
        }
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it("refuses every message that is cut short inside a field", () => {
    const bytes = encode({ events: [{ action: OrderAction.add, side: Side.bid, price: 5n, orderKey: "k" }] });
    const whole = encode({}).length;
    const codes = new Set<ErrorCode>();
    for (let length = 1; length < bytes.length; length++) {
      if (length !== whole) codes.add(refusal(bytes.subarray(0, length)).code);
    }
    expect([...codes]).toEqual([ErrorCode.invalidArgument]);
  });

  it.each([
    ["the symbol", (writer: BinaryWriter) => writer.tag(1, WireType.LengthDelimited).bytes(INVALID_UTF8)],
    ["the producer", (writer: BinaryWriter) => writer.tag(3, WireType.LengthDelimited).bytes(INVALID_UTF8)],
    [
      "a key",
      (writer: BinaryWriter) =>
        writer
          .tag(2, WireType.LengthDelimited)
          .fork()
          .tag(3, WireType.LengthDelimited)
          .bytes(INVALID_UTF8)
          .join(),
    ],
    [
      "a key that is too long",
      (writer: BinaryWriter) =>
        writer
          .tag(2, WireType.LengthDelimited)
          .fork()
          .tag(3, WireType.LengthDelimited)
          .bytes(Buffer.concat([Buffer.alloc(80, "k"), INVALID_UTF8]))
          .join(),
    ],
  ])("refuses invalid UTF-8 in %s", (_, write) => {
    const bytes = write(new BinaryWriter()).finish();
    expect(refusal(bytes)).toMatchObject({
      code: ErrorCode.invalidArgument,
      details: { reason: "MALFORMED_MESSAGE" },
    });
  });

  it("lets the last of a repeated field count, flags included", () => {
    const event = new BinaryWriter()
      .tag(5, WireType.Varint)
      .sint64(2n ** 60n)
      .tag(5, WireType.Varint)
      .sint64(-7n)
      .tag(3, WireType.LengthDelimited)
      .string("k".repeat(65))
      .tag(3, WireType.LengthDelimited)
      .string("short")
      .finish();
    const bytes = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .string("FIRST")
      .tag(2, WireType.LengthDelimited)
      .bytes(event)
      .tag(1, WireType.LengthDelimited)
      .string("LAST")
      .finish();
    const batch = decodeIngestRequest(bytes, limits);
    expect(batch.symbol).toBe("LAST");
    expect(shownEvent(batch.events, 0)).toMatchObject({ price: -7, key: "short", flags: EventFlag.hasPrice });
  });

  it("skips unknown fields and groups, and bounds how deep they nest", () => {
    expect(decodeIngestRequest(withGroups(100), limits).symbol).toBe("AMZN");
    expect(refusal(withGroups(101)).message).toContain("too deep");
    expect(refusal(withGroups(500_000)).message).toContain("too deep");
  });

  it("refuses a batch over the limit before it makes room for it, and names the limit", () => {
    const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string("AMZN");
    for (let count = 0; count < 2_000_000; count++) writer.tag(2, WireType.LengthDelimited).uint32(0);
    const bytes = writer.finish();
    const before = process.memoryUsage().arrayBuffers;
    expect(refusal(bytes)).toMatchObject({
      code: ErrorCode.invalidArgument,
      message: expect.stringContaining("10000") as string,
      details: { field: "events", reason: "EVENTS_PER_BATCH_MAX" },
    });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("refuses a producer id over its bytes, and a symbol that nobody could have defined", () => {
    expect(refusal(encode({ producerId: "é".repeat(33) })).details.field).toBe("producer_id");
    expect(refusal(encode({ symbol: "" })).code).toBe(ErrorCode.notFound);
    const long = refusal(encode({ symbol: "S".repeat(3_000_000) }));
    expect(long.code).toBe(ErrorCode.notFound);
    expect(long.message.length).toBeLessThan(200);
  });
});

const INVALID_UTF8 = Uint8Array.of(0xc3, 0x28);
