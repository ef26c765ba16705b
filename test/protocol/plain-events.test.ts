import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reuseColumns } from "../../src/protocol/event-columns.ts";
import { decodeAnyEvent } from "../../src/protocol/event-decoder.ts";
import { decodePlainEvents, PLAIN_EVENT_BYTES_MAX } from "../../src/protocol/plain-events.ts";
import { WireReader } from "../../src/protocol/wire-reader.ts";

const EVENT_TAG = 0x12;
const COLUMNS = [
  "action",
  "side",
  "flags",
  "orderIdLow",
  "orderIdHigh",
  "price",
  "quantity",
  "keyLength",
  "keyOffset",
] as const;

const reader = new WireReader();
const columns = reuseColumns(4);

function shown(index: number) {
  return COLUMNS.map((name) => columns[name][index]);
}

/** The event of these bytes, with more bytes behind the message. */
function framed(event: Uint8Array, behind: number): Buffer {
  const header = event.length < 0x80 ? [event.length] : [(event.length & 0x7f) | 0x80, event.length >>> 7];
  return Buffer.concat([Buffer.of(EVENT_TAG, ...header), event, Buffer.alloc(PLAIN_EVENT_BYTES_MAX, behind)]);
}

/** Decodes it; returns whether it was taken, and checks that otherwise the reader has not moved. */
function takes(message: Buffer): boolean {
  const end = message.length - PLAIN_EVENT_BYTES_MAX;
  reader.reset(message, end);
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const index = decodePlainEvents(reader, view, EVENT_TAG, columns, 0);
  expect(reader.position).toBe(index === 0 ? 0 : end);
  return index === 1;
}

interface EventFields {
  readonly action: number | undefined;
  readonly id: bigint | undefined;
  readonly key: Uint8Array | undefined;
  readonly side: number | undefined;
  readonly price: bigint | undefined;
  readonly quantity: bigint | undefined;
}

function eventBytes({ action, id, key, side, price, quantity }: EventFields): Uint8Array {
  const writer = new BinaryWriter();
  if (action !== undefined) writer.tag(1, WireType.Varint).int32(action);
  if (id !== undefined) writer.tag(2, WireType.Bit64).fixed64(id);
  if (key !== undefined) writer.tag(3, WireType.LengthDelimited).bytes(key);
  if (side !== undefined) writer.tag(4, WireType.Varint).int32(side);
  if (price !== undefined) writer.tag(5, WireType.Varint).sint64(price);
  if (quantity !== undefined) writer.tag(6, WireType.Varint).uint64(quantity);
  return writer.finish();
}

const powers = fc
  .tuple(fc.integer({ min: 0, max: 63 }), fc.integer({ min: -2, max: 2 }))
  .map(([bits, aside]) => BigInt.asUintN(64, (1n << BigInt(bits)) + BigInt(aside)));
const anyFields: fc.Arbitrary<EventFields> = fc.record({
  action: fc.option(fc.oneof(fc.integer({ min: 0, max: 130 }), fc.constant(-1)), { nil: undefined }),
  id: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined, freq: 2 }),
  key: fc.option(
    fc.oneof(
      fc.string({ maxLength: 66 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 10 }),
    ),
    { nil: undefined, freq: 2 },
  ),
  side: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
  price: fc.option(
    powers.map((value) => BigInt.asIntN(64, value)),
    { nil: undefined },
  ),
  quantity: fc.option(powers, { nil: undefined }),
});

describe("decodePlainEvents", () => {
  it("takes nothing but what decodeAnyEvent takes, and makes the same of it", () => {
    const damage = fc.array(fc.tuple(fc.nat({ max: 200 }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 2,
    });
    const behind = fc.constantFrom(0, 0x20, 0x28, 0x30, 0x80, 0xff);
    let [taken, left] = [0, 0];
    fc.assert(
      fc.property(anyFields, damage, behind, (fields, changes, fill) => {
        const message = framed(eventBytes(fields), fill);
        const length = message.length - PLAIN_EVENT_BYTES_MAX;
        for (const [at, value] of changes) message[2 + (at % length)] = value;
        if (!takes(message)) {
          left++;
          return;
        }
        taken++;
        const plain = shown(0);
        reader.reset(message, length);
        reader.tag();
        decodeAnyEvent(reader, columns, 1);
        expect(plain).toEqual(shown(1));
        expect(reader.position).toBe(length);
      }),
      { numRuns: 5000 },
    );
    expect(Math.min(taken, left)).toBeGreaterThan(100);
  });

  it("takes what producers send", () => {
    const mantissa = fc.bigInt({ min: 0n, max: 2n ** 52n - 1n });
    const plain = fc.record({
      action: fc.integer({ min: 0, max: 127 }),
      id: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
      side: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
      price: fc.option(
        fc.oneof(
          mantissa,
          mantissa.map((value) => -value),
        ),
        { nil: undefined },
      ),
      quantity: fc.option(mantissa, { nil: undefined }),
      key: fc.string({ unit: fc.constantFrom("a", "0", "-"), minLength: 1, maxLength: 64 }),
    });
    fc.assert(
      fc.property(plain, ({ key, ...fields }) => {
        const keyed = fields.id === undefined ? Buffer.from(key) : undefined;
        expect(takes(framed(eventBytes({ ...fields, key: keyed }), 0))).toBe(true);
      }),
    );
  });

  it("leaves an event that goes on behind the message", () => {
    const message = framed(
      eventBytes({ action: 1, id: 1n, key: undefined, side: 1, price: 5n, quantity: 6n }),
      0,
    );
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    for (let end = 0; end < message.length - PLAIN_EVENT_BYTES_MAX; end++) {
      reader.reset(message, end);
      expect(decodePlainEvents(reader, view, EVENT_TAG, columns, 0)).toBe(0);
      expect(reader.position).toBe(0);
    }
  });

  it("stops where it could not read ahead, and at another field", () => {
    const event = eventBytes({ action: 1, id: 1n, key: undefined, side: 1, price: 5n, quantity: 6n });
    const one = framed(event, 0).subarray(0, 2 + event.length);
    for (const behind of [0, 1, PLAIN_EVENT_BYTES_MAX - one.length - 1]) {
      const message = Buffer.concat([one, Buffer.alloc(behind)]);
      reader.reset(message, one.length);
      const view = new DataView(message.buffer, message.byteOffset, message.length);
      expect(decodePlainEvents(reader, view, EVENT_TAG, columns, 0)).toBe(0);
    }
    const message = Buffer.concat([one, one, Buffer.of(0x20, 1), one, Buffer.alloc(PLAIN_EVENT_BYTES_MAX)]);
    reader.reset(message, message.length - PLAIN_EVENT_BYTES_MAX);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    expect(decodePlainEvents(reader, view, EVENT_TAG, columns, 1)).toBe(3);
    expect(reader.position).toBe(2 * one.length);
  });
});
