import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { DepthcastError, ErrorCode } from "../../../src/errors.ts";
import {
  WebSocketRequestSchema,
  WebSocketResponseSchema,
} from "../../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { type Inbox, openWebSocket, startTestServer, type TestServer } from "./http-harness.ts";

let server: TestServer;
afterEach(() => server.stop());

const ask = (inbox: Inbox, request: object) => inbox.socket.send(JSON.stringify(request));
const request = (op: object) => toBinary(WebSocketRequestSchema, create(WebSocketRequestSchema, op));

/** The HTTP answer to an upgrade that is refused. */
async function refusal(
  path: string,
  protocols: string[] = [],
  options = {},
): Promise<{ status: number; body: string }> {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`, protocols, options);
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
  let body = "";
  for await (const chunk of response) body += String(chunk);
  socket.on("error", () => {});
  socket.terminate();
  return { status: response.statusCode ?? 0, body };
}

describe("the upgrade", () => {
  test("subprotocols: JSON when none is asked for, else the first one known", async () => {
    server = await startTestServer();
    expect((await openWebSocket(server.port)).socket.protocol).toBe("");
    const asked = [
      [["depthcast.v1.json"], "depthcast.v1.json"],
      [["depthcast.v1.proto"], "depthcast.v1.proto"],
      [["other", "depthcast.v1.proto", "depthcast.v1.json"], "depthcast.v1.proto"],
    ] as const;
    for (const [protocols, chosen] of asked) {
      expect((await openWebSocket(server.port, [...protocols])).socket.protocol).toBe(chosen);
    }
    expect(server.sessions.map((session) => session.consumer.dialect)).toEqual([
      "json",
      "json",
      "proto",
      "proto",
    ]);
  });

  test("only unknown subprotocols: 400, naming those that are known", async () => {
    server = await startTestServer();
    const { status, body } = await refusal("/v1/ws", ["other", "depthcast.v2.json"]);
    expect(status).toBe(400);
    expect(body).toMatch(/invalid_argument.*depthcast\.v1\.json or depthcast\.v1\.proto/);
  });

  test("pages of other origins are refused before the upgrade, others are not", async () => {
    server = await startTestServer();
    const { status, body } = await refusal("/v1/ws", [], { origin: "https://evil.example" });
    expect([status, body]).toEqual([403, expect.stringMatching(/permission_denied.*--origin/)]);
    await openWebSocket(server.port, [], { origin: "http://localhost:3000" });
    expect(server.sessions.length).toBe(1);
  });

  test("credentials are asked for before the upgrade", async () => {
    server = await startTestServer({
      authorize: ({ credential }) => {
        if (credential !== "Bearer good")
          throw new DepthcastError(ErrorCode.unauthenticated, "credentials wanted");
      },
    });
    expect((await refusal("/v1/ws")).status).toBe(401);
    await openWebSocket(server.port, [], { headers: { authorization: "Bearer good" } });
  });

  test("no other path upgrades, and without an upgrade the path says what it is", async () => {
    server = await startTestServer();
    expect((await refusal("/healthz")).status).toBe(404);
    expect((await refusal("/v1/nothing")).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${server.port}/v1/ws`)).status).toBe(426);
    expect(server.sessions.length).toBe(0);
  });

  test("a refused upgrade gives its connection back", async () => {
    server = await startTestServer();
    for (let i = 0; i < 20; i += 1) await refusal("/v1/ws", ["other"]);
    await eventually(() => server.admission.connections("http") === 0);
  });

  test("a consumer that the broadcaster does not take is closed", async () => {
    server = await startTestServer({
      overrides: {
        connect: () => {
          throw new DepthcastError(ErrorCode.unavailable, "the server is going away");
        },
      },
    });
    const inbox = await openWebSocket(server.port);
    expect(await inbox.closed).toEqual({ code: 1001, reason: "the server is going away" });
  });

  test("messages that came along with the upgrade are not lost", async () => {
    server = await startTestServer();
    const socket = connect(server.port, "127.0.0.1");
    const masked = Buffer.from([0x81, 0x8d, 0, 0, 0, 0, ...Buffer.from('{"op":"ping"}')]);
    const head =
      "GET /v1/ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
      "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    socket.write(Buffer.concat([Buffer.from(head), masked]));
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    await eventually(() => received.includes('{"type":"pong"}'));
    socket.destroy();
  });
});

describe("requests in JSON", () => {
  test("are answered in order, and a refused one leaves the connection alive", async () => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port);
    ask(inbox, { op: "subscribe", id: "a", symbol: "XYZ" });
    ask(inbox, { op: "unsubscribe", viewId: 9 });
    ask(inbox, { op: "fly" });
    ask(inbox, { op: "ping" });
    await eventually(() => inbox.texts.length === 4);
    expect(inbox.objects).toEqual([
      { type: "error", id: "a", code: "not_found", message: 'unknown symbol "XYZ"' },
      { type: "error", id: "", code: "not_found", message: expect.stringMatching(/^viewId: /) },
      { type: "error", id: "", code: "invalid_argument", message: expect.stringMatching(/^op: /) },
      { type: "pong" },
    ]);
    expect(inbox.socket.readyState).toBe(WebSocket.OPEN);
  });

  test("subscribe, the same again, unsubscribe", async () => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port);
    ask(inbox, { op: "subscribe", id: "a", symbol: "BTC-USD", depth: 5, intervalMs: 0 });
    await eventually(() => inbox.texts.length === 1);
    expect(inbox.objects[0]).toMatchObject({ type: "subscribed", id: "a", viewId: 5 });
    ask(inbox, { op: "subscribe", id: "b", symbol: "BTC-USD", depth: 5 });
    ask(inbox, { op: "unsubscribe", viewId: 5 });
    await eventually(() => inbox.texts.length === 3);
    expect(inbox.objects.slice(1)).toEqual([
      { type: "error", id: "b", code: "already_exists", message: expect.any(String) },
      { type: "unsubscribed", viewId: 5 },
    ]);
  });

  test("wait for a subscription that takes its time", async () => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port);
    const session = server.sessions[0];
    const gate = Promise.withResolvers<void>();
    if (session !== undefined) session.gate = gate.promise;
    ask(inbox, { op: "subscribe", id: "a", symbol: "XYZ" });
    ask(inbox, { op: "subscribe", id: "b", symbol: "XYZ" });
    ask(inbox, { op: "ping" });
    await eventually(() => session?.requests.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(inbox.texts).toEqual([]);
    expect(session?.requests.length).toBe(1);
    gate.resolve();
    await eventually(() => inbox.texts.length === 3);
    expect(inbox.objects.map((answer) => answer["id"] ?? answer["type"])).toEqual(["a", "b", "pong"]);
  });

  test("a bug of ours is an internal error that gives nothing away", async () => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port);
    ask(inbox, { op: "subscribe", id: "a", symbol: "BUG-USD" });
    await eventually(() => inbox.texts.length === 1);
    expect(inbox.objects[0]).toEqual({ type: "error", id: "a", code: "internal", message: "internal error" });
  });
});

test("the binary dialect speaks protobuf both ways", async () => {
  server = await startTestServer();
  const inbox = await openWebSocket(server.port, ["depthcast.v1.proto"]);
  inbox.socket.send(request({ op: { case: "subscribe", value: { symbol: "XYZ", id: "a" } } }));
  inbox.socket.send(request({ op: { case: "ping", value: {} } }));
  inbox.socket.send(request({ op: { case: "subscribe", value: { symbol: "BTC-USD", depth: 5 } } }));
  await eventually(() => inbox.binaries.length === 3);
  inbox.socket.send(request({ op: { case: "unsubscribe", value: { viewId: 5 } } }));
  await eventually(() => inbox.binaries.length === 4);
  const messages = inbox.binaries.map((bytes) => fromBinary(WebSocketResponseSchema, bytes).message);
  expect(messages[0]).toMatchObject({ case: "error", value: { id: "a", code: "not_found" } });
  expect(messages[1]?.case).toBe("pong");
  expect(messages[2]).toMatchObject({ case: "updates", value: { updates: [{ viewId: 5 }] } });
  expect(messages[3]).toMatchObject({ case: "unsubscribed", value: { viewId: 5 } });
});

describe("how connections end", () => {
  const json = ["depthcast.v1.json"];
  const proto = ["depthcast.v1.proto"];
  const endings: [what: string, protocols: string[], payload: string | Buffer, code: number][] = [
    ["no JSON", json, "nope", 1007],
    ["a binary frame in JSON", json, Buffer.from('{"op":"ping"}'), 1007],
    ["a text frame in the binary dialect", proto, "text", 1007],
    ["no WebSocketRequest", proto, Buffer.from([0x0a, 0x05, 0x00]), 1007],
    ["a message over the limit, JSON", json, "x".repeat(64 * 1024 + 1), 1009],
    ["a message over the limit, binary", proto, Buffer.alloc(64 * 1024 + 1), 1009],
  ];
  test.each(endings)("%s", async (_what, protocols, payload, code) => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port, protocols);
    inbox.socket.send(payload);
    expect((await inbox.closed).code).toBe(code);
    await eventually(() => server.sessions[0]?.closed === true);
    await eventually(() => server.admission.connections("http") === 0);
  });

  test("text that is not UTF-8", async () => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port);
    inbox.socket.send(Buffer.from([0x7b, 0xff, 0x7d]), { binary: false });
    expect((await inbox.closed).code).toBe(1007);
  });

  test("a message of exactly the limit is taken", async () => {
    server = await startTestServer();
    const inbox = await openWebSocket(server.port);
    inbox.socket.send(`{"op":"ping"}`.padEnd(64 * 1024));
    await eventually(() => inbox.texts.length === 1);
  });

  test("the server stops: 1001 for all, promptly, even for who does not answer", async () => {
    server = await startTestServer();
    const polite = await openWebSocket(server.port);
    const deaf = await openWebSocket(server.port);
    deaf.socket.pause();
    const begin = performance.now();
    await server.transport.stop();
    expect(performance.now() - begin).toBeLessThan(2000);
    expect((await polite.closed).code).toBe(1001);
    expect(server.sessions.every((session) => session.closed)).toBe(true);
    deaf.socket.terminate();
    await expect(fetch(`http://127.0.0.1:${server.port}/healthz`)).rejects.toThrow();
  });

  test("the server stops though clients come back at once, as those do that were sent away", async () => {
    server = await startTestServer();
    const deaf = await openWebSocket(server.port);
    deaf.socket.pause();
    const stopped = server.transport.stop();
    // The port is open until the deaf one's time is over.
    expect((await refusal("/v1/ws")).status).toBe(503);
    await stopped;
    deaf.socket.terminate();
  });

  test("cut off: the farewell, then 4008 or 1001 by the reason", async () => {
    server = await startTestServer();
    const cutOffs = [
      [ErrorCode.resourceExhausted, 4008],
      [ErrorCode.unavailable, 1001],
      [ErrorCode.internal, 1011],
    ] as const;
    for (const [code, closeCode] of cutOffs) {
      const inbox = await openWebSocket(server.port);
      const { consumer } = server.sessions.at(-1) ?? {};
      const reason = `because ${"é".repeat(200)}`;
      consumer?.cutOff(new DepthcastError(code, reason), [Buffer.from('{"type":"notice"}')]);
      const closed = await inbox.closed;
      expect(closed.code).toBe(closeCode);
      expect(closed.reason).toMatch(/^because é+$/);
      expect(inbox.texts).toEqual(['{"type":"notice"}']);
    }
  });

  test("idle: no subscription and no request for idleTimeoutMs", async () => {
    const clock = new ManualClock();
    server = await startTestServer({ clock, limits: { idleTimeoutMs: 10_000 } });
    const idle = await openWebSocket(server.port);
    const pinging = await openWebSocket(server.port);
    const subscribed = await openWebSocket(server.port);
    ask(subscribed, { op: "subscribe", symbol: "BTC-USD" });
    await eventually(() => subscribed.texts.length === 1);
    clock.advance(6000);
    pinging.socket.ping();
    await once(pinging.socket, "pong");
    await clock.pass(6000, 1000);
    expect(await idle.closed).toEqual({ code: 1000, reason: expect.stringMatching(/idleTimeoutMs/) });
    expect(pinging.socket.readyState).toBe(WebSocket.OPEN);
    expect(subscribed.socket.readyState).toBe(WebSocket.OPEN);
  });
});

test("a port that is taken is an error that says what to do", async () => {
  server = await startTestServer();
  await expect(startTestServer({ port: server.port })).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(
      new RegExp(`127\\.0\\.0\\.1:${server.port}: the port is in use: .*another port`),
    ),
  });
});
