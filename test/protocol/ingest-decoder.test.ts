import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventFlag, OrderAction, type OrderEventColumns, Side } from "../../src/book/order-events.ts";
import { DepthcastError, ErrorCode } from "../../src/errors.ts";
import { createLimits } from "../../src/limits.ts";
import { IngestRequestSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import type { OrderEventSchema } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
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
