import { once } from "node:events";
import type { Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { FloodOrder } from "../support/flood-worker.ts";
import {
  closeCodeIn,
  rawConnect,
  rawFrame,
  rawWebSocket,
  UNFINISHED_UPGRADE,
} from "../support/raw-websocket.ts";
import {
  type Inbox,
  openWebSocket,
  startTestServer,
  type TestServer,
} from "../transports/http/http-harness.ts";

/**
 * Strangers on the HTTP port. Beside each of them a healthy consumer gets a numbered message every 10 ms;
 * afterwards it must have all of them, in order, and none long after the other.
 */

const KiB = 1024;
const MiB = 1024 * KiB;
const CONNECTIONS_MAX = 400;

/** Generous, for a machine on which everything else runs at the same time; 20 to 80 ms are usual. */
const GAP_MAX_MS = 2500;

let server: TestServer;
let healthy: HealthyConsumer;
let hostile: Socket[];
let refused: number;

class HealthyConsumer {
  #inbox: Inbox;
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #lastAtMs = performance.now();
  #gapMaxMs = 0;

  constructor(inbox: Inbox, testServer: TestServer) {
    this.#inbox = inbox;
    const consumer = testServer.sessions[0]?.consumer;
    inbox.socket.on("message", () => {
      const nowMs = performance.now();
      this.#gapMaxMs = Math.max(this.#gapMaxMs, nowMs - this.#lastAtMs);
      this.#lastAtMs = nowMs;
    });
    this.#timer = setInterval(() => {
      if (consumer?.isWritable() === true) consumer.send([Buffer.from(String(this.#sent++))]);
    }, 10);
  }

  /** Ends the flow, and tells whether all of it came. */
  async noticedNothing(): Promise<void> {
    clearInterval(this.#timer);
    await eventually(() => this.#inbox.texts.length === this.#sent);
    expect(this.#inbox.texts.map(Number)).toEqual(Array.from({ length: this.#sent }, (_, index) => index));
    expect(this.#sent).toBeGreaterThan(0);
    expect(this.#gapMaxMs).toBeLessThan(GAP_MAX_MS);
    this.#inbox.socket.terminate();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

beforeEach(async () => {
  refused = 0;
  server = await startTestServer({
    overrides: {
      metrics: {
        consumerConnected() {},
        consumerDisconnected() {},
        bytesSent() {},
        roundTrip() {},
        requestRefused: () => (refused += 1),
      },
    },
    limits: {
      connectionsMax: CONNECTIONS_MAX,
      handshakeTimeoutMs: 300,
      stallTimeoutMs: 1000,
      idleTimeoutMs: 60_000,
    },
  });
  hostile = [];
  healthy = new HealthyConsumer(await openWebSocket(server.port), server);
});

afterEach(async () => {
  healthy.stop();
  for (const socket of hostile) socket.destroy();
  await server.stop();
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const connections = () => server.admission.connections("http");

/** In steps, as the kernel keeps only so many that are not accepted yet. */
async function rawConnections(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const step = Math.min(250, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: step }, () => rawConnect(server.port)))));
  }
  hostile.push(...sockets);
  return sockets;
}

async function rawWebSockets(count: number): Promise<Socket[]> {
  const sockets = await Promise.all(Array.from({ length: count }, () => rawWebSocket(server.port)));
  hostile.push(...sockets);
  return sockets;
}

/** Sends `bytes` again and again, as fast as the socket takes them, for a while. */
async function flood(socket: Socket, bytes: Buffer, durationMs: number): Promise<void> {
  const endsAtMs = performance.now() + durationMs;
  while (performance.now() < endsAtMs && !socket.destroyed) {
    if (socket.writableLength === 0) socket.write(bytes);
    await pause(1);
  }
}

/** Ten connections that send as fast as they can and read nothing, from a thread of their own. */
async function floodFromAside(message: Buffer, upgrade: boolean): Promise<void> {
  const burst = Buffer.concat(Array.from({ length: Math.ceil((64 * KiB) / message.length) }, () => message));
  const order: FloodOrder = { port: server.port, connections: 10, burst, durationMs: 300, upgrade };
  const worker = new Worker(new URL("../support/flood-worker.ts", import.meta.url), { workerData: order });
  const exited = once(worker, "exit");
  await once(worker, "message");
  const before = process.memoryUsage();
  await once(worker, "message");
  const now = process.memoryUsage();
  expect(now.heapUsed + now.external - before.heapUsed - before.external).toBeLessThan(64 * MiB);
  await exited;
}

describe("connections that never get anywhere are closed within handshakeTimeoutMs", () => {
  test("sockets that send nothing", async () => {
    await rawConnections(300);
    await eventually(() => connections() === 301);
    await eventually(() => connections() === 1, { deadlineMs: 4000 });
    await healthy.noticedNothing();
  });

  test("headers that come a byte at a time, and upgrades that never end", async () => {
    const sockets = await rawConnections(100);
    const text = Buffer.from(UNFINISHED_UPGRADE.repeat(20));
    for (const [index, socket] of sockets.entries()) if (index % 2 === 1) socket.write(UNFINISHED_UPGRADE);
    let at = 0;
    const drip = setInterval(() => {
      for (const socket of sockets) if (!socket.destroyed) socket.write(text.subarray(at, at + 1));
      at += 1;
    }, 10);
    await eventually(() => connections() === 1, { deadlineMs: 4000 });
    clearInterval(drip);
    await healthy.noticedNothing();
  });

  test("bodies that never end", async () => {
    const sockets = await rawConnections(50);
    const head = "POST /v1/instruments HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    for (const socket of sockets) socket.write(head);
    await pause(50);
    for (const socket of sockets) if (!socket.destroyed) socket.write("1\r\nx\r\n");
    await eventually(() => connections() === 1, { deadlineMs: 4000 });
    await healthy.noticedNothing();
  });
});

test("more connections than connectionsMax: the rest is dropped at once, and room comes back", async () => {
  const sockets = await rawConnections(1500);
  for (const socket of sockets) socket.resume();
  await eventually(() => sockets.filter((socket) => socket.closed).length > 1500 - CONNECTIONS_MAX);
  expect(connections()).toBeLessThanOrEqual(CONNECTIONS_MAX);
  for (const socket of sockets) socket.destroy();
  await eventually(() => connections() === 1);
  const inbox = await openWebSocket(server.port);
  inbox.socket.terminate();
  await healthy.noticedNothing();
});

test("WebSockets up to the limit, all reset at once", async () => {
  const sockets = await rawWebSockets(CONNECTIONS_MAX - 1);
  expect(server.sessions.length).toBe(CONNECTIONS_MAX);
  for (const socket of sockets) socket.resetAndDestroy();
  await eventually(() => connections() === 1);
  expect(server.sessions.slice(1).every((session) => session.closed)).toBe(true);
  await healthy.noticedNothing();
});

test("pipelined requests whose answers are never read", async () => {
  await floodFromAside(Buffer.from("GET /v1/instruments HTTP/1.1\r\nhost: x\r\n\r\n"), false);
  await healthy.noticedNothing();
});

describe("floods over an open WebSocket", () => {
  const requests: [what: string, bytes: Buffer][] = [
    ["requests that are refused", rawFrame({ opcode: 1, payload: "1" })],
    ["requests that are answered", rawFrame({ opcode: 1, payload: '{"op":"ping"}' })],
    ["subscriptions", rawFrame({ opcode: 1, payload: '{"op":"subscribe","symbol":"XYZ"}' })],
    ["requests of 50 KiB", rawFrame({ opcode: 1, payload: `{"op":"ping","x":"${"x".repeat(50 * KiB)}"}` })],
    ["pings", rawFrame({ opcode: 9 })],
    ["large pings", rawFrame({ opcode: 9, payload: Buffer.alloc(125) })],
    ["pongs", rawFrame({ opcode: 10, payload: "1234" })],
  ];

  test.each(requests)("%s, nothing is read: bounded, and the others do not notice", async (_what, bytes) => {
    await floodFromAside(bytes, true);
    await healthy.noticedNothing();
  });

  test("a client that asks and never reads is not read from, and is cut off", async () => {
    const [socket] = await rawWebSockets(1);
    if (socket === undefined) throw new Error("no socket");
    // Control characters are escaped twice in the answer, which makes it long.
    const text = "\u0001".repeat(64);
    const request = rawFrame({
      opcode: 1,
      payload: JSON.stringify({ op: "subscribe", id: text, symbol: text }),
    });
    const burst = Buffer.concat(Array.from({ length: 100 }, () => request));
    // The kernel takes some megabytes of answers; then nothing may be looked at any more.
    await eventually(async () => {
      const before = refused;
      await flood(socket, burst, 200);
      return refused > 0 && refused === before && socket.writableLength > 0;
    });
    expect(server.sessions[1]?.closed).toBe(false);
    await eventually(() => server.sessions[1]?.closed, { deadlineMs: 4000 });
    await eventually(() => connections() === 1);
    await healthy.noticedNothing();
  });

  test("a client that asks fast and reads has every answer, in order", async () => {
    const inbox = await openWebSocket(server.port);
    const count = 5000;
    const begin = performance.now();
    for (let i = 0; i < count; i += 1) inbox.socket.send(`{"op":"subscribe","symbol":"XYZ","id":"${i}"}`);
    await eventually(() => inbox.texts.length === count, { deadlineMs: 15_000 });
    expect(inbox.objects.map((answer) => Number(answer["id"]))).toEqual(
      Array.from({ length: count }, (_, i) => i),
    );
    // It was held to its rate: unhindered it takes 80 ms.
    expect(performance.now() - begin).toBeGreaterThan(400);
    inbox.socket.terminate();
  });
});

describe("frames that no proper client sends", () => {
  const zeroes = (count: number, frame: Buffer) => Buffer.concat(Array.from({ length: count }, () => frame));
  const length64 = Buffer.from([0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const frames: [what: string, bytes: Buffer, codes: number[]][] = [
    ["a length of 2^62", length64, [1009]],
    ["no mask", rawFrame({ opcode: 1, payload: "{}", masked: false }), [1002]],
    ["reserved bits, as if compressed", rawFrame({ opcode: 1, payload: "{}", reservedBits: 0x40 }), [1002]],
    ["an unknown opcode", rawFrame({ opcode: 3 }), [1002]],
    ["a continuation of nothing", rawFrame({ opcode: 0 }), [1002]],
    ["a ping in pieces", rawFrame({ opcode: 9, final: false }), [1002]],
    [
      "a message in thousands of pieces",
      Buffer.concat([
        rawFrame({ opcode: 1, final: false, payload: " " }),
        zeroes(5000, rawFrame({ opcode: 0, final: false, payload: " " })),
      ]),
      [1008],
    ],
    [
      "a message in thousands of empty pieces",
      Buffer.concat([
        rawFrame({ opcode: 1, final: false }),
        zeroes(5000, rawFrame({ opcode: 0, final: false })),
      ]),
      [1008],
    ],
    [
      "pieces that are too large together",
      Buffer.concat([
        rawFrame({ opcode: 1, final: false, payload: " ".repeat(40 * KiB) }),
        rawFrame({ opcode: 0, payload: " ".repeat(40 * KiB) }),
      ]),
      [1009],
    ],
    ["a close frame with an invalid code", rawFrame({ opcode: 8, payload: Buffer.from([0, 1]) }), [1002]],
    [
      "random bytes",
      Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) & 0xff)),
      [1002, 1007, 1009],
    ],
  ];

  test.each(frames)("%s", async (_what, bytes, codes) => {
    const [socket] = await rawWebSockets(1);
    if (socket === undefined) throw new Error("no socket");
    let received = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
    });
    socket.resume();
    socket.write(bytes);
    const code = await eventually(() => closeCodeIn(received));
    expect(codes).toContain(code);
    socket.destroy();
    await eventually(() => connections() === 1);
    expect(server.sessions[1]?.closed).toBe(true);
    await pause(60);
    await healthy.noticedNothing();
  });
});
