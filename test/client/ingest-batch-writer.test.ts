import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { OrderAction, Side } from "../../src/book/order-events.ts";
import { IngestBatchWriter, type ProducerEvent } from "../../src/client/ingest-batch-writer.ts";
import { IngestAckedRequestSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";

const safe = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32), 2 ** 53 - 1, 1 - 2 ** 53),
);
const name = fc.oneof(
  fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((orderId) => ({ orderId })),
  fc
    .string({ minLength: 1, maxLength: 16, unit: "grapheme" })
    .filter((key) => Buffer.byteLength(key) <= 64)
    .map((orderKey) => ({ orderKey })),
);
const event: fc.Arbitrary<ProducerEvent> = fc
  .tuple(
    name,
    fc.record(
      {
        action: fc.constantFrom(...Object.values(OrderAction)),
        side: fc.constantFrom(...Object.values(Side)),
        price: safe,
        quantity: safe.map(Math.abs),
      },
      { requiredKeys: ["action"] },
    ),
  )
  .map(([orderName, rest]) => ({ ...orderName, ...rest }));

test("protobuf-es reads back what was written", () => {
  const writer = new IngestBatchWriter();
  const producer = fc.constantFrom(
    { id: "", number: 0 },
    { id: "p-1", number: 1 },
    { id: "ü", number: 2 ** 53 - 1 },
  );
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 60 }),
      producer,
      fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
      (events, { id, number }, time) => {
        writer.begin("BTC-USD", id, number);
        for (const one of events) writer.add(one);
        const read = fromBinary(IngestAckedRequestSchema, writer.take(time));
        expect(read).toMatchObject({
          symbol: "BTC-USD",
          producerId: id,
          batchNumber: BigInt(number),
          sourceTimeUnixNanos: time,
        });
        expect(
          read.events.map(({ action, orderId, orderKey, side, price, quantity }) => ({
            action,
            orderId,
            orderKey,
            side,
            price,
            quantity,
          })),
        ).toEqual(
          events.map(({ action, orderId = 0n, orderKey = "", side = 0, price, quantity }) => ({
            action,
            orderId,
            orderKey,
            side,
            price: price === undefined ? undefined : BigInt(price),
            quantity: quantity === undefined ? undefined : BigInt(quantity),
          })),
        );
      },
    ),
  );
});

test("the buffer grows with the batch", () => {
  const writer = new IngestBatchWriter();
  writer.begin("X", "", 0);
  for (let id = 1n; id <= 10_000n; id += 1n) writer.add({ action: OrderAction.delete, orderId: id });
  const read = fromBinary(IngestAckedRequestSchema, writer.take(0n));
  expect(read.events).toHaveLength(10_000);
  expect(read.events.at(-1)?.orderId).toBe(10_000n);
});

test.each([
  [{ orderId: 0n }, "orderId"],
  [{ orderId: 2n ** 64n }, "orderId"],
  [{ orderKey: "" }, "orderKey"],
  [{ orderKey: "ü".repeat(33) }, "orderKey"],
  [{ price: 0.5 }, "price"],
  [{ price: 2 ** 53 }, "price"],
  [{ quantity: -1 }, "quantity"],
] as const)("%o is refused before anything is written", (wrong, field) => {
  const writer = new IngestBatchWriter();
  writer.begin("X", "", 0);
  expect(() => writer.add({ action: OrderAction.add, ...wrong })).toThrow(field);
  expect(writer.eventCount).toBe(0);
});
