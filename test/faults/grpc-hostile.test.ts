import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { GrpcClient } from "../support/grpc-client.ts";
import { frames, RawConnection } from "../support/raw-http2.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";

const LIST = "/depthcast.v1.MarketDataService/ListInstruments";
const INGEST = "/depthcast.v1.IngestService/Ingest";
/** A healthy client beside an attack is served within this, on a machine that is busy with the attack. */
const PATIENCE_MS = 2000;

/** A server with short deadlines, and a consumer and a producer who must notice nothing. */
async function start(limits: Parameters<typeof startTestServer>[0] = {}) {
  const server = await startTestServer({
    ...limits,
    limits: { handshakeTimeoutMs: 500, idleTimeoutMs: 1000, ...limits.limits },
  });
  const client = new GrpcClient(server.grpcAddress);
  onTestFinished(() => client.close());
  await client.defineInstrument({ symbol: "AAA" });
  const subscription = client.subscribe([{ symbol: "AAA", intervalMs: 0 }]);
  const producer = client.openIngestAcked();
  let orderId = 0;
  async function healthy(): Promise<boolean> {
    for (let times = 0; times < 3; times++) {
      orderId += 1;
      const event = {
        action: "ORDER_ACTION_ADD",
        orderId: String(orderId),
        side: "SIDE_BID",
        price: "5",
        quantity: "1",
      };
      const began = performance.now();
      const ack = await producer.send({ symbol: "AAA", events: [event] });
      expect(Number(ack.position.sequence)).toBe(orderId);
      await eventually(() => subscription.books.all()[0]?.sequence === orderId);
      expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
    }
    await client.listInstruments();
    return !subscription.isOver;
  }
  expect(await healthy()).toBe(true);
  return { server, healthy };
}

async function attack(server: TestServer): Promise<RawConnection> {
  const connection = await RawConnection.open(server.grpcAddress);
  onTestFinished(() => connection.destroy());
  return connection;
}

function closes(connection: RawConnection): Promise<unknown> {
  return eventually(() => connection.closed, { what: "the server closes the connection" });
}

/** Writes `chunk` so many times, or until the server has had enough. */
async function flood(
  connection: RawConnection,
  times: number,
  chunk: (index: number) => Uint8Array,
): Promise<void> {
  for (let index = 0; index < times && !connection.closed; index++) await connection.write(chunk(index));
}

function many(count: number, one: () => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: count }, one));
}

describe("a gRPC server bounds", () => {
  it("handshakes that never end, and connections that never ask for anything", async () => {
    const { server, healthy } = await start();
    const silent = await Promise.all(Array.from({ length: 50 }, () => attack(server)));
    const halfway = await attack(server);
    await halfway.write(frames.preface.subarray(0, 10));
    const prefaceOnly = (await attack(server)).read();
    await prefaceOnly.write(frames.preface);
    expect(await healthy()).toBe(true);
    for (const connection of [...silent, halfway, prefaceOnly]) await closes(connection.read());
    expect(await healthy()).toBe(true);
  });

  it("connections with nothing open", async () => {
    const { server, healthy } = await start();
    const idle = (await attack(server)).read();
    await idle.write(frames.preface);
    await idle.write(
      Buffer.concat([frames.headers(1, LIST), frames.data(1, Buffer.alloc(5)), frames.end(1)]),
    );
    await eventually(() => idle.bytesReceived > 100);
    await closes(idle);
    expect(await healthy()).toBe(true);
  });

  it.each([
    ["garbage", Buffer.alloc(4096, 0xa5)],
    ["HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nhost: x\r\n\r\n")],
    [
      "a frame that is too large",
      Buffer.concat([frames.preface, Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])]),
    ],
  ])("connections that speak %s", async (_, bytes) => {
    const { server, healthy } = await start();
    const connection = (await attack(server)).read();
    await connection.write(bytes);
    await closes(connection);
    expect(await healthy()).toBe(true);
  });

  it("rapid resets", async () => {
    const { server, healthy } = await start();
    const connection = (await attack(server)).read();
    await connection.write(frames.preface);
    await flood(connection, 500, (round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_, index) => {
          const stream = 1 + 2 * (round * 100 + index);
          return Buffer.concat([frames.headers(stream, LIST), frames.reset(stream)]);
        }),
      ),
    );
    await closes(connection);
    expect(await healthy()).toBe(true);
  });

  it("more streams than a connection may have", async () => {
    const { server, healthy } = await start({ limits: { streamsPerConnectionMax: 10 } });
    const connection = (await attack(server)).read();
    await connection.write(frames.preface);
    await flood(connection, 20, (round) =>
      Buffer.concat(
        Array.from({ length: 100 }, (_, index) => frames.headers(1 + 2 * (round * 100 + index), LIST)),
      ),
    );
    expect(await healthy()).toBe(true);
    await closes(connection);
  });

  it.each([
    ["pings", frames.ping],
    ["settings", frames.settings],
  ])("floods of %s, read and unread, before a request and after", async (_, one) => {
    const { server, healthy } = await start();
    const chunk = many(1000, one);
    const unread = await attack(server);
    const read = (await attack(server)).read();
    const withCall = (await attack(server)).read();
    for (const connection of [unread, read, withCall]) await connection.write(frames.preface);
    await withCall.write(frames.headers(1, INGEST));
    const memoryBefore = process.memoryUsage().rss;
    await Promise.all([unread, read, withCall].map((connection) => flood(connection, 300, () => chunk)));
    for (const connection of [unread.read(), read, withCall]) await closes(connection);
    expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(200e6);
    expect(await healthy()).toBe(true);
  });

  it("headers that never end, and headers without measure", async () => {
    const { server, healthy } = await start();
    const endless = (await attack(server)).read();
    await endless.write(Buffer.concat([frames.preface, frames.openHeaders(1, LIST)]));
    const field = frames.continuation(1, "x", "y".repeat(8000));
    await flood(endless, 2000, () => field);
    await closes(endless);
    const large = (await attack(server)).read();
    await large.write(Buffer.concat([frames.preface, frames.openHeaders(1, LIST), many(20, () => field)]));
    await large.write(frames.lastContinuation(1, "x", "y".repeat(8000)));
    await closes(large);
    expect(await healthy()).toBe(true);
  });

  it("requests that never come to their end", async () => {
    const { server, healthy } = await start();
    const connection = (await attack(server)).read();
    await connection.write(Buffer.concat([frames.preface, frames.headers(1, LIST)]));
    const announced = Buffer.from([0, 0, 0x3f, 0xff, 0xff]);
    await connection.write(frames.data(1, announced));
    await eventually(async () => {
      await connection.write(frames.data(1, Buffer.alloc(1)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      return connection.closed;
    });
    expect(await healthy()).toBe(true);
  });

  it("calls that were answered and are not closed by the client", async () => {
    const { server, healthy } = await start();
    const connection = (await attack(server)).read();
    await connection.write(Buffer.concat([frames.preface, frames.headers(1, INGEST)]));
    // A batch of nobody's symbol ends the stream; the client leaves its side open and sends on.
    await connection.write(frames.data(1, Buffer.alloc(5)));
    await eventually(async () => {
      await connection.write(frames.data(1, Buffer.alloc(100)));
      await new Promise((resolve) => setTimeout(resolve, 100));
      return connection.closed;
    });
    expect(await healthy()).toBe(true);
  });

  it("connections without number", async () => {
    const { server, healthy } = await start({ limits: { connectionsMax: 100 } });
    const connections = await Promise.all(Array.from({ length: 600 }, () => attack(server)));
    for (const connection of connections) connection.read();
    await eventually(() => connections.filter(({ closed }) => closed).length >= 400);
    expect(await healthy()).toBe(true);
    await eventually(() => connections.every(({ closed }) => closed));
    const later = new GrpcClient(server.grpcAddress);
    onTestFinished(() => later.close());
    await later.listInstruments();
  });

  it("floods of DefineInstrument", async () => {
    const { server, healthy } = await start({ limits: { instrumentsMax: 20 } });
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    const outcomes = await Promise.allSettled(
      Array.from({ length: 500 }, (_, index) => client.defineInstrument({ symbol: `S${index}` })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(19);
    const refused = outcomes.find((outcome) => outcome.status === "rejected");
    expect(refused?.reason).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(await healthy()).toBe(true);
  });
});
