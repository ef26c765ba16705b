import { connect } from "node:http2";
import { deflateSync, gzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  IngestAckedRequestSchema,
  IngestAckedResponseSchema,
} from "../../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import { OrderAction, Side } from "../../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { GrpcFrames } from "../../../src/transports/grpc/grpc-frames.ts";
import { eventually } from "../../support/eventually.ts";
import { GrpcClient, type WireBatch, type WireEvent } from "../../support/grpc-client.ts";
import { GrpcFailure } from "../../support/grpc-failure.ts";
import { startTestServer } from "../../support/start-server.ts";

const SYMBOL = "BTC-USD";
const INGEST = "/depthcast.v1.IngestService/Ingest";
const INGEST_ACKED = "/depthcast.v1.IngestService/IngestAcked";

async function start(limits: Parameters<typeof startTestServer>[0] = {}) {
  const server = await startTestServer(limits);
  const client = new GrpcClient(server.grpcAddress);
  onTestFinished(() => client.close());
  await client.defineInstrument({ symbol: SYMBOL, priceScale: 2, quantityScale: 8 });
  return { server, client };
}

let nextOrder = 1;
function add(overrides: Partial<WireEvent> = {}): WireEvent {
  const orderId = String(nextOrder++);
  return { action: "ORDER_ACTION_ADD", orderId, side: "SIDE_BID", price: "100", quantity: "5", ...overrides };
}

function batch(events: readonly WireEvent[] = [add()], more: Partial<WireBatch> = {}): WireBatch {
  return { symbol: SYMBOL, events, ...more };
}

async function failure(call: Promise<unknown>): Promise<GrpcFailure> {
  try {
    await call;
  } catch (thrown) {
    if (thrown instanceof GrpcFailure) return thrown;
    throw thrown;
  }
  throw new Error("the call was answered with OK");
}

function detail(error: GrpcFailure, type: string): Record<string, unknown> | undefined {
  return error.details.find((found) => found.type === type)?.value;
}

/** Sends bytes as request messages of a stream; rejects with the status that ends it. */
function sendRaw(client: GrpcClient, path: string, messages: readonly Uint8Array[]): Promise<void> {
  const call = client.rawStream(path);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  call.on("error", (error) => reject(GrpcFailure.from(error as never)));
  call.on("end", resolve);
  call.on("data", () => {});
  for (const message of messages) call.write(Buffer.from(message));
  call.end();
  return promise;
}

describe("DefineInstrument", () => {
  it("answers with the definition in force, again and again", async () => {
    const { client } = await start();
    const wanted = { symbol: "A/B.c-1_", priceScale: 3, quantityScale: 0, tickSize: 25 };
    const first = await client.defineInstrument(wanted);
    expect(first).toMatchObject({ symbol: "A/B.c-1_", priceScale: 3 });
    expect(await client.defineInstrument(wanted)).toEqual(first);
  });

  it.each([
    ["instrument.symbol", { symbol: "no spaces" }],
    ["instrument.price_scale", { symbol: "X", priceScale: 16 }],
    ["instrument.quantity_scale", { symbol: "X", quantityScale: 99 }],
    ["instrument.tick_size", { symbol: "X", tickSize: "9007199254740992" }],
    ["instrument.description", { symbol: "X", description: "d".repeat(257) }],
  ])("refuses a wrong %s with BadRequest and ErrorInfo", async (field, instrument) => {
    const { client } = await start();
    const error = await failure(client.defineInstrument(instrument));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(detail(error, "BadRequest")).toMatchObject({ fieldViolations: [{ field }] });
    expect(detail(error, "ErrorInfo")).toMatchObject({ domain: "depthcast", reason: "INVALID_ARGUMENT" });
  });

  it("keeps the scales once an event was applied", async () => {
    const { client } = await start();
    await client.ingest([batch()]);
    const error = await failure(client.defineInstrument({ symbol: SYMBOL, priceScale: 3, quantityScale: 8 }));
    expect(error.code).toBe("FAILED_PRECONDITION");
  });
});

describe("Ingest", () => {
  it("answers with the sums, the first refusals and the positions", async () => {
    const { client } = await start();
    await client.defineInstrument({ symbol: "ETH-USD" });
    const refused = Array.from({ length: 70 }, () => add({ quantity: "0" }));
    const response = await client.ingest([
      batch([add(), ...refused]),
      batch(refused, { symbol: "ETH-USD" }),
      batch([add(), add()], { symbol: "ETH-USD" }),
    ]);
    expect(response).toMatchObject({ acceptedEvents: "3", rejectedEvents: "140", duplicateBatches: "0" });
    expect(response.rejections).toHaveLength(100);
    expect(response.rejections[0]).toMatchObject({ symbol: SYMBOL, batchNumber: "1", eventIndex: 1 });
    expect(response.rejections[99]).toMatchObject({ symbol: "ETH-USD", batchNumber: "2", eventIndex: 29 });
    expect(response.positions.map(({ symbol, position }) => [symbol, position.sequence])).toEqual([
      [SYMBOL, "1"],
      ["ETH-USD", "2"],
    ]);
  });

  it("refuses events alone whose numbers are out of range", async () => {
    const { client } = await start();
    const response = await client.ingest([
      batch([
        add({ price: "9007199254740992" }),
        add({ price: "-9007199254740992" }),
        add({ quantity: "18446744073709551615" }),
        { ...add(), orderId: "0", orderKey: "k".repeat(65) },
        add({ action: 99 }),
        add({ side: 7 }),
        add({ price: "-9007199254740991", quantity: "9007199254740991" }),
      ]),
    ]);
    expect(response.acceptedEvents).toBe("1");
    expect(response.rejections.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 6 }, () => "REJECT_REASON_INVALID_EVENT"),
    );
  });

  it.each([
    ["NOT_FOUND", "unknown symbol", batch([add()], { symbol: "NOPE" })],
    ["NOT_FOUND", "unknown symbol", batch([add()], { symbol: "" })],
    ["INVALID_ARGUMENT", "10000", batch(Array.from({ length: 10_001 }, () => add()))],
    ["INVALID_ARGUMENT", "producer_id", batch([add()], { producerId: "p".repeat(65), batchNumber: 1 })],
    ["INVALID_ARGUMENT", "batch_number", batch([add()], { batchNumber: 3 })],
    ["INVALID_ARGUMENT", "batch_number", batch([add()], { producerId: "p" })],
    ["FAILED_PRECONDITION", "expected", batch([add()], { producerId: "p", batchNumber: 7 })],
    ["FAILED_PRECONDITION", "expected", batch([add()], { producerId: "p", batchNumber: "9007199254740993" })],
  ])("ends with %s (%s) and names the batch; what came before it stands", async (code, text, wrong) => {
    const { client } = await start();
    const call = client.openIngest();
    await call.write(batch());
    await call.write(wrong);
    await call.write(batch()).catch(() => {});
    const error = await failure(call.end());
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(error.message).toMatch(/batch (\d+|numbered over)/);
    expect(detail(error, "BadRequest")).toBeDefined();
    expect(detail(error, "ErrorInfo")).toBeDefined();
    const { snapshot } = await client.getSnapshot({ symbol: SYMBOL });
    expect(snapshot.sequence).toBe(1);
  });

  it("tells the number expected where one is missing", async () => {
    const { client } = await start();
    const error = await failure(client.ingest([batch([add()], { producerId: "p", batchNumber: 7 })]));
    expect(detail(error, "ErrorInfo")).toMatchObject({
      reason: "BATCH_NUMBER_GAP",
      metadata: { expected: "1" },
    });
  });

  it.each([
    ["garbage", Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ["field 0", Buffer.from([0x00, 0x00])],
    ["a symbol that is not UTF-8", Buffer.from([0x0a, 0x02, 0xc3, 0x28])],
    ["a key that is not UTF-8", Buffer.from([0x12, 0x04, 0x1a, 0x02, 0xc3, 0x28])],
    ["an event cut off", Buffer.from([0x12, 0x7f, 0x08])],
  ])("refuses %s on both streams", async (_, bytes) => {
    const { client } = await start();
    for (const path of [INGEST, INGEST_ACKED]) {
      const error = await failure(sendRaw(client, path, [bytes]));
      expect(error.code).toBe("INVALID_ARGUMENT");
      expect(error.message).toContain("batch 1");
      expect(detail(error, "ErrorInfo")).toMatchObject({ reason: "MALFORMED_MESSAGE" });
    }
  });

  it("refuses a message over the limit", async () => {
    const { client } = await start({ limits: { requestBytesMax: 4096 } });
    const error = await failure(sendRaw(client, INGEST, [Buffer.alloc(4097)]));
    expect(error.code).toBe("RESOURCE_EXHAUSTED");
    expect(error.message).toContain("4096");
  });

  it.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["identity", (bytes: Buffer) => bytes],
  ])("takes requests in %s, and acknowledges each", async (encoding, compress) => {
    const { server } = await start();
    const session = connect(`http://${server.grpcAddress}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({
      ":method": "POST",
      ":path": INGEST_ACKED,
      "content-type": "application/grpc",
      "grpc-encoding": encoding,
      te: "trailers",
    });
    for (const orderId of [1n, 2n, 3n]) {
      const event = { action: OrderAction.ADD, orderId, side: Side.BID, price: 100n, quantity: 5n };
      const request = create(IngestAckedRequestSchema, { symbol: SYMBOL, events: [event] });
      const bytes = compress(Buffer.from(toBinary(IngestAckedRequestSchema, request)));
      stream.write(
        Buffer.concat([Buffer.from([encoding === "identity" ? 0 : 1, 0, 0, 0, bytes.length]), bytes]),
      );
    }
    stream.end();
    const frames = new GrpcFrames(1000);
    frames.push(Buffer.concat(await stream.toArray()));
    for (const number of [1n, 2n, 3n]) {
      const ack = fromBinary(IngestAckedResponseSchema, frames.next()!);
      expect(ack).toMatchObject({ batchNumber: number, acceptedEvents: 1n, position: { sequence: number } });
    }
    expect(frames.hasBytes).toBe(false);
  });

  it("keeps what came before a stream that was reset or half-closed within a batch", async () => {
    const { client, server } = await start();
    const healthy = client.openIngestAcked();
    for (const end of ["reset", "half-close"] as const) {
      const before = (await client.getSnapshot({ symbol: SYMBOL })).snapshot.sequence;
      const session = connect(`http://${server.grpcAddress}`);
      const stream = session.request({
        ":method": "POST",
        ":path": INGEST,
        "content-type": "application/grpc",
        te: "trailers",
      });
      stream.on("error", () => {});
      stream.resume();
      const event = Buffer.from([
        0x12,
        0x11,
        0x08,
        1,
        0x11,
        end.length,
        9,
        0,
        0,
        0,
        0,
        0,
        0,
        0x20,
        1,
        0x28,
        200,
        1,
        0x30,
      ]);
      const message = Buffer.concat([
        Buffer.from([0x0a, SYMBOL.length]),
        Buffer.from(SYMBOL),
        event,
        Buffer.from([5]),
      ]);
      message[10] = 0x12;
      const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);
      stream.write(framed);
      stream.write(framed.subarray(0, 20));
      await client.getSnapshot({ symbol: SYMBOL, minSequence: before + 1 });
      if (end === "reset") stream.close(8);
      else stream.end();
      await new Promise((resolve) => stream.once("close", resolve));
      session.destroy();
      const ack = await healthy.send(batch());
      expect(Number(ack.position.sequence)).toBe(before + 2);
    }
    expect(await server.running.checkIntegrity()).toMatchObject([{ symbol: SYMBOL, faults: [] }]);
  });
});

describe("IngestAcked", () => {
  it("answers each batch in order, duplicates as such", async () => {
    const { client } = await start();
    const call = client.openIngestAcked();
    for (let number = 1; number <= 100; number++) {
      await call.write(batch([add(), add({ quantity: "0" })], { producerId: "p", batchNumber: number }));
    }
    const again = await call.send(batch([add()], { producerId: "p", batchNumber: 50 }));
    await eventually(() => call.acks.length === 101);
    expect(call.acks.slice(0, 100).map(({ batchNumber }) => Number(batchNumber))).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
    expect(call.acks[9]).toMatchObject({
      acceptedEvents: "1",
      rejectedEvents: "1",
      duplicate: false,
      position: { sequence: "10" },
    });
    expect(again).toBeDefined();
    expect(call.acks[100]).toMatchObject({ batchNumber: "50", duplicate: true, acceptedEvents: "0" });
    expect(await client.getProducerPosition("p")).toBe(100);
    expect(await client.getProducerPosition("nobody")).toBe(0);
    await call.end();
  });

  it("answers what came before a refused batch, and nothing behind it", async () => {
    const { client } = await start();
    const call = client.openIngestAcked();
    for (let number = 1; number <= 20; number++) await call.write(batch());
    await call.write(batch([add()], { symbol: "NOPE" }));
    await call.write(batch());
    const error = await failure(call.ended);
    expect(error).toMatchObject({ code: "NOT_FOUND" });
    expect(error.message).toContain("batch 21");
    expect(call.acks).toHaveLength(20);
    expect((await client.getSnapshot({ symbol: SYMBOL })).snapshot.sequence).toBe(20);
  });

  it("ends the older stream of a producer with ABORTED", async () => {
    const { client } = await start();
    const older = client.openIngestAcked();
    await older.send(batch([add()], { producerId: "p", batchNumber: 1 }));
    const newer = client.openIngestAcked();
    await newer.send(batch([add()], { producerId: "p", batchNumber: 2 }));
    expect(await failure(older.ended)).toMatchObject({ code: "ABORTED" });
    expect(older.acks).toHaveLength(1);
    await newer.end();
  });

  it("stops reading batches of a client that does not read its answers, and goes on when it does", async () => {
    const { client, server } = await start();
    const call = client.rawStream(INGEST_ACKED);
    onTestFinished(() => call.cancel());
    call.on("error", () => {});
    let acks = 0;
    call.on("data", () => {
      acks += 1;
      // A grpc-js client holds the server back only once it has read something.
      if (acks === 1) call.pause();
    });
    const refused = [...Array(100).keys()].map(() => Buffer.from([0x12, 0x00]));
    const symbol = Buffer.concat([Buffer.from([0x0a, SYMBOL.length]), Buffer.from(SYMBOL)]);
    const message = Buffer.concat([symbol, ...refused]);
    const total = 2000;
    for (let sent = 0; sent < total; sent++) call.write(message);
    call.end();
    const judged = async () => {
      const metrics = await server.metrics();
      return metrics.sum("depthcast_batches_applied_total");
    };
    let last = -1;
    await eventually(async () => {
      const now = await judged();
      const still = now === last && now > 0;
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 100));
      return still;
    });
    expect(last).toBeLessThan(total / 2);
    call.resume();
    await new Promise((resolve) => call.on("end", resolve));
    expect(acks).toBe(total);
  });
});

describe("GetProducerPosition", () => {
  it("wants a producer", async () => {
    const { client } = await start();
    const error = await failure(client.getProducerPosition(""));
    expect(error.code).toBe("INVALID_ARGUMENT");
    expect(detail(error, "BadRequest")).toMatchObject({ fieldViolations: [{ field: "producer_id" }] });
  });
});
