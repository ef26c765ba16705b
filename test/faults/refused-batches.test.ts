import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { Bystanders } from "../support/bystanders.ts";
import { add, type FlowEvent, wireBatch, wireEvent } from "../support/flow-event.ts";
import type { GrpcClient, WireBatch } from "../support/grpc-client.ts";
import { encodeMessage } from "../support/proto-files.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { connectGrpc } from "../support/test-client.ts";

/** Ingest by the letter of PROTOCOL sections 2 and 3: each rule broken once, beside healthy consumers. */

const symbol = "BAD";
const largest = 2n ** 53n - 1n;

async function start(): Promise<{ server: TestServer; client: GrpcClient; bystanders: Bystanders }> {
  const server = await startTestServer({ limits: { eventsPerBatchMax: 10, requestBytesMax: 65_536 } });
  const client = connectGrpc(server);
  await client.defineInstrument({ symbol, tickSize: 5, lotSize: 2 });
  return { server, client, bystanders: await Bystanders.start(server) };
}

const order = { orderId: 9n, side: "bid", price: 100n, quantity: 2n } as const;
const live: FlowEvent = { action: "add", ...order };
const other = { ...order, orderId: 10n };

const illegalEvents: readonly [string, FlowEvent, string][] = [
  ["an unknown action", { action: 77, orderId: 9n }, "INVALID_EVENT"],
  ["no action", { action: 0, ...other }, "INVALID_EVENT"],
  ["a live id again", { ...live }, "DUPLICATE_ORDER"],
  ["an id that is not live", { action: "delete", orderId: 5n }, "UNKNOWN_ORDER"],
  ["a key that is not live", { action: "reduce", orderKey: "k", quantity: 2n }, "UNKNOWN_ORDER"],
  ["no name", { action: "add", side: "bid", price: 100n, quantity: 2n }, "INVALID_EVENT"],
  ["two names", { action: "add", ...other, orderKey: "k" }, "INVALID_EVENT"],
  ["a key that is too long", { action: "delete", orderKey: "k".repeat(65) }, "INVALID_EVENT"],
  ["no side", { action: "add", orderId: 10n, price: 100n, quantity: 2n }, "INVALID_EVENT"],
  ["no price", { action: "add", orderId: 10n, side: "bid", quantity: 2n }, "INVALID_EVENT"],
  ["a price over the range", { action: "add", ...other, price: largest + 1n }, "INVALID_EVENT"],
  ["a price under the range", { action: "add", ...other, price: -largest - 1n }, "INVALID_EVENT"],
  ["the lowest price on the wire", { action: "add", ...other, price: -(2n ** 63n) }, "INVALID_EVENT"],
  ["a quantity over the range", { action: "add", ...other, quantity: largest + 1n }, "INVALID_EVENT"],
  [
    "the largest quantity on the wire",
    { action: "add", ...other, quantity: 2n ** 64n - 1n },
    "INVALID_EVENT",
  ],
  ["no quantity", { action: "add", orderId: 10n, side: "bid", price: 100n }, "INVALID_EVENT"],
  ["a quantity of 0", { action: "add", ...other, quantity: 0n }, "INVALID_EVENT"],
  ["a price off the tick", { action: "add", ...other, price: 101n }, "INVALID_EVENT"],
  ["a quantity off the lot", { action: "add", ...other, quantity: 3n }, "INVALID_EVENT"],
  ["nothing to update", { action: "update", orderId: 9n }, "INVALID_EVENT"],
  ["more taken off than remains", { action: "reduce", orderId: 9n, quantity: 4n }, "INVALID_EVENT"],
  ["a level without a quantity", { action: "set_level", side: "bid", price: 100n }, "INVALID_EVENT"],
  ["a bid above the ask", { action: "add", ...other, price: 1000n }, "CROSSED_BOOK"],
  ["a total over the range", { action: "add", ...other, quantity: largest - 1n }, "CAPACITY"],
];

describe("an event that breaks a rule is refused alone", () => {
  it("whatever the rule", async () => {
    const { client, bystanders } = await start();
    const call = client.openIngestAcked();
    await call.send(
      wireBatch(symbol, [live, { action: "add", orderId: 1n, side: "ask", price: 500n, quantity: 2n }]),
    );
    let sequence = 2;
    for (const [name, event, reason] of illegalEvents) {
      const before: FlowEvent = { action: "update", orderId: 9n, quantity: 2n };
      const ack = await call.send(wireBatch(symbol, [before, event, before]));
      sequence += 2;
      expect({ name, ...ack }).toMatchObject({
        name,
        acceptedEvents: "2",
        rejectedEvents: "1",
        rejections: [{ symbol, eventIndex: 1, reason: `REJECT_REASON_${reason}` }],
        position: { sequence: String(sequence) },
      });
      expect(ack.rejections[0]?.detail).not.toBe("");
    }
    await bystanders.check();
  });

  it("and the first 100 of a stream are listed", async () => {
    const { client, bystanders } = await start();
    const unknown = Array.from(
      { length: 10 },
      (_, index): FlowEvent => ({
        action: "delete",
        orderId: BigInt(index + 1),
      }),
    );
    const response = await client.ingest(Array.from({ length: 15 }, () => wireBatch(symbol, unknown)));
    expect(response).toMatchObject({ acceptedEvents: "0", rejectedEvents: "150" });
    expect(response.rejections).toHaveLength(100);
    expect(response.rejections[99]).toMatchObject({ symbol, batchNumber: "10", eventIndex: 9 });
    await bystanders.check();
  });
});

const good = wireBatch(symbol, [live]);
const endingBatches: readonly [string, WireBatch, string, RegExp][] = [
  ["an unknown symbol", wireBatch("NOPE", [live]), "NOT_FOUND", /NOPE/],
  [
    "too many events",
    wireBatch(
      symbol,
      Array.from({ length: 11 }, () => live),
    ),
    "INVALID_ARGUMENT",
    /10/,
  ],
  ["a number without a producer", { ...good, batchNumber: 1 }, "INVALID_ARGUMENT", /producer/],
  ["a producer without a number", { ...good, producerId: "p" }, "INVALID_ARGUMENT", /number/],
  ["a gap", { ...good, producerId: "p", batchNumber: 3 }, "FAILED_PRECONDITION", /1/],
  [
    "a producer id that is too long",
    { ...good, producerId: "p".repeat(65), batchNumber: 1 },
    "INVALID_ARGUMENT",
    /64/,
  ],
];

describe.each(["openIngest", "openIngestAcked"] as const)("a batch that ends its stream, by %s", (open) => {
  it.each(endingBatches)("%s", async (_name, batch, code, message) => {
    const { client, bystanders } = await start();
    const call = client[open]();
    await call.write(wireBatch(symbol, [live]));
    await call.write(batch);
    const end = "response" in call ? call.response : call.ended;
    await expect(end).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
    // What came before it stands, and was answered first.
    const { snapshot } = await client.getSnapshot({ symbol, minSequence: 1 });
    expect(snapshot).toMatchObject({ sequence: 1, bids: [[100, 2, 1]] });
    expect("acks" in call ? call.acks.length : 1).toBe(1);
    await bystanders.check();
  });
});

describe("bytes that no encoder writes", () => {
  const paths = ["/depthcast.v1.IngestService/Ingest", "/depthcast.v1.IngestService/IngestAcked"];
  const symbolField = Buffer.from([0x0a, 0x03]);
  const garbage: readonly [string, Buffer][] = [
    ["random bytes", Buffer.from([0xff, 0xfe, 0xfd, 0x00, 0x12])],
    ["a field that ends early", Buffer.from([0x0a, 0x7f, 0x41])],
    ["a varint without an end", Buffer.alloc(20, 0xff)],
    ["a symbol that is not UTF-8", Buffer.concat([symbolField, Buffer.from([0x42, 0xff, 0x44])])],
    [
      "an event that is cut off",
      Buffer.concat([symbolField, Buffer.from("BAD"), Buffer.from([0x12, 0x09, 0x08])]),
    ],
  ];
  it.each(paths.flatMap((path) => garbage.map(([name, bytes]) => [name, path, bytes] as const)))(
    "%s, by %s",
    async (_name, path, bytes) => {
      const { client, bystanders } = await start();
      const call = client.rawStream(path);
      const ended = new Promise<{ code: number }>((resolve) => {
        call.on("error", (error: { code: number }) => resolve(error));
        call.on("end", () => resolve({ code: 0 }));
      });
      call.resume();
      call.write(bytes);
      const { code } = await ended;
      // INVALID_ARGUMENT, NOT_FOUND (a symbol that cannot be) or INTERNAL, never OK and never silence.
      expect([3, 5, 13]).toContain(code);
      await bystanders.check();
    },
  );

  it("a message over the limit", async () => {
    const { client, bystanders } = await start();
    const call = client.rawStream(paths[0] as string);
    const ended = new Promise<{ code: number }>((resolve) => {
      call.on("error", (error: { code: number }) => resolve(error));
    });
    call.resume();
    call.write(Buffer.alloc(65_537));
    expect([3, 8]).toContain((await ended).code);
    await bystanders.check();
  });
});

describe("a stream that breaks in the middle of a batch", () => {
  const message = encodeMessage("depthcast.v1.IngestRequest", {
    symbol,
    events: [wireEvent(live)],
  });
  const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message]);

  it.each([
    ["is reset", (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ["is half-closed", (stream: ClientHttp2Stream) => stream.end()],
    ["loses its connection", (stream: ClientHttp2Stream) => stream.session?.destroy()],
  ])("and %s leaves what came before it", async (_name, breakIt) => {
    const { server, client, bystanders } = await start();
    const session = connect(`http://${server.grpcAddress}`);
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/depthcast.v1.IngestService/Ingest",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => {});
    stream.resume();
    const closed = new Promise((resolve) => {
      stream.on("close", resolve);
    });
    stream.write(framed);
    stream.write(framed.subarray(0, framed.length - 3));
    await client.getSnapshot({ symbol, minSequence: 1 });
    breakIt(stream);
    await closed;
    session.destroy();
    await bystanders.check();
    const { snapshot } = await client.getSnapshot({ symbol });
    expect(snapshot).toMatchObject({ sequence: 1, bids: [[100, 2, 1]] });
    expect((await client.ingest([wireBatch(symbol, [add(2, "bid", 95, 2)])])).acceptedEvents).toBe("1");
  });
});
