import { afterEach, describe, expect, test } from "vitest";
import type { Consumer } from "../../../src/broadcast/consumer.ts";
import { eventually } from "../../support/eventually.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import {
  type Inbox,
  openWebSocket,
  startTestServer,
  type TestServer,
  type TestSession,
} from "./http-harness.ts";

const KiB = 1024;
let server: TestServer;
afterEach(() => server.stop());

async function connected(
  options: Parameters<typeof startTestServer>[0] = {},
  protocols: string[] = [],
  clientOptions = {},
): Promise<{ inbox: Inbox; consumer: Consumer; session: TestSession }> {
  server = await startTestServer(options);
  const inbox = await openWebSocket(server.port, protocols, clientOptions);
  const session = server.sessions[0];
  if (session === undefined) throw new Error("no session");
  return { inbox, consumer: session.consumer, session };
}

const piece = (bytes: number) => Buffer.alloc(bytes, " ");
const settle = () => new Promise((resolve) => setTimeout(resolve, 50));

describe("writable", () => {
  test("is what the kernel has taken: at once, or told with drained", async () => {
    const { consumer, session, inbox } = await connected({ limits: { inFlightBytesMax: 64 * 1024 * KiB } });
    expect(consumer.isWritable()).toBe(true);
    consumer.send([piece(100), piece(200)]);
    expect(consumer.isWritable()).toBe(true);
    await eventually(() => inbox.texts.length === 2);
    expect(inbox.texts.map((text) => text.length)).toEqual([100, 200]);
    expect(session.drains).toBe(0);

    consumer.send([piece(16 * 1024 * KiB)]);
    expect(consumer.isWritable()).toBe(false);
    await eventually(() => session.drains === 1);
    expect(consumer.isWritable()).toBe(true);
    await eventually(() => inbox.texts.length === 3);
    expect(inbox.texts[2]?.length).toBe(16 * 1024 * KiB);
  });

  test("a reader that keeps up gets 20 MB, in order and in full, without waiting for timers", async () => {
    const { consumer, session, inbox } = await connected();
    let sent = 0;
    const total = 400;
    session.onDrained = () => {
      while (sent < total && consumer.isWritable())
        consumer.send([Buffer.from(String(sent++).padEnd(50 * KiB))]);
    };
    session.onDrained();
    await eventually(() => inbox.texts.length === total);
    expect(inbox.texts.map((text) => Number(text))).toEqual(
      Array.from({ length: total }, (_, index) => index),
    );
  });

  test("not while more than inFlightBytesMax is unanswered, though the kernel would take megabytes", async () => {
    const { consumer, session, inbox } = await connected({ limits: { inFlightBytesMax: 64 * KiB } }, [], {
      autoPong: false,
    });
    const pings: Buffer[] = [];
    inbox.socket.on("ping", (payload) => pings.push(payload));
    let sent = 0;
    session.onDrained = () => {
      while (consumer.isWritable()) {
        consumer.send([piece(10 * KiB)]);
        sent += 10 * KiB;
      }
    };
    session.onDrained();
    await settle();
    expect(consumer.isWritable()).toBe(false);
    expect(sent).toBeGreaterThan(60 * KiB);
    expect(sent).toBeLessThanOrEqual(80 * KiB);
    // A ping for each quarter of the bound, not for each message.
    expect(pings.length).toBeGreaterThanOrEqual(3);
    expect(pings.length).toBeLessThanOrEqual(4);

    const before = session.drains;
    inbox.socket.pong(pings.at(-1));
    await eventually(() => session.drains > before);
    await settle();
    expect(sent).toBeGreaterThan(120 * KiB);
    expect(sent).toBeLessThanOrEqual(160 * KiB);
  });

  test("an early pong frees what was sent before its ping only, and counts as progress", async () => {
    const { consumer, session, inbox } = await connected({ limits: { inFlightBytesMax: 64 * KiB } }, [], {
      autoPong: false,
    });
    const pings: Buffer[] = [];
    inbox.socket.on("ping", (payload) => pings.push(payload));
    consumer.send([piece(20 * KiB)]);
    await eventually(() => consumer.isWritable());
    consumer.send([piece(200 * KiB)]);
    await eventually(() => pings.length === 2);
    await settle();
    const { drains, progress } = session;
    inbox.socket.pong(pings[0]);
    await eventually(() => session.progress > progress);
    expect(session.drains).toBe(drains);
    expect(consumer.isWritable()).toBe(false);
    inbox.socket.pong(pings[1]);
    await eventually(() => consumer.isWritable());
  });

  test("pongs that nobody asked for free nothing", async () => {
    const { consumer, inbox } = await connected({ limits: { inFlightBytesMax: 4 * KiB } }, [], {
      autoPong: false,
    });
    consumer.send([piece(100 * KiB)]);
    for (const payload of ["", "1234", "\u0000\u0000\u0000\u0009", "x".repeat(125)])
      inbox.socket.pong(payload);
    inbox.socket.send('{"op":"ping"}');
    await eventually(() => inbox.texts.includes('{"type":"pong"}'));
    expect(consumer.isWritable()).toBe(false);
  });
});

describe("a client that stops reading", () => {
  test("holds one flush, is unwritable, and goes on with what is newest", async () => {
    const { consumer, session, inbox } = await connected({ limits: { inFlightBytesMax: 64 * 1024 * KiB } });
    inbox.socket.pause();
    let sent = 0;
    session.onDrained = () => {
      while (consumer.isWritable()) consumer.send([Buffer.from(String(sent++).padEnd(256 * KiB))]);
    };
    session.onDrained();
    await eventually(async () => {
      const before = sent;
      await settle();
      return sent === before && !consumer.isWritable();
    });
    const stuckAt = sent;
    expect(stuckAt).toBeGreaterThan(1);
    session.onDrained = () => {
      if (sent === stuckAt && consumer.isWritable()) consumer.send([Buffer.from(String(sent++).padEnd(10))]);
    };
    inbox.socket.resume();
    await eventually(() => inbox.texts.length === stuckAt + 1);
    expect(inbox.texts.map((text) => Number(text))).toEqual(
      Array.from({ length: stuckAt + 1 }, (_, index) => index),
    );
  });

  test("answers no ping: given up after stallTimeoutMs, and the session is told", async () => {
    const clock = new ManualClock();
    const { consumer, session, inbox } = await connected({ clock, limits: { stallTimeoutMs: 8000 } }, [], {
      autoPong: false,
    });
    consumer.send([piece(10)]);
    await eventually(() => consumer.isWritable());
    let pings = 0;
    inbox.socket.on("ping", () => (pings += 1));
    await clock.pass(4000, 1000);
    await eventually(() => pings === 1);
    await clock.pass(5000, 1000);
    expect(inbox.socket.readyState).toBe(1);
    await clock.pass(4000, 1000);
    expect(await inbox.closed).toEqual({
      code: 4008,
      reason: expect.stringMatching(/slow consumer/),
    });
    expect(session.closed).toBe(true);
    expect(pings).toBe(1);
  });

  test("answers pings: is left alone however long nothing else comes", async () => {
    const clock = new ManualClock();
    const { consumer, inbox } = await connected({
      clock,
      limits: { stallTimeoutMs: 8000, idleTimeoutMs: 1_000_000 },
    });
    for (let i = 0; i < 20; i += 1) {
      await eventually(() => consumer.isWritable());
      consumer.send([piece(10)]);
      await clock.pass(3000, 1000);
      await settle();
    }
    expect(inbox.socket.readyState).toBe(1);
    expect(inbox.texts.length).toBe(20);
  });
});

test("a client's pings are answered; of many at once the newest suffices", async () => {
  const { inbox } = await connected();
  const pongs: string[] = [];
  inbox.socket.on("pong", (payload) => pongs.push(payload.toString()));
  inbox.socket.ping("one");
  await eventually(() => pongs.length === 1);
  for (let i = 0; i < 1000; i += 1) inbox.socket.ping(String(i));
  await eventually(() => pongs.at(-1) === "999");
  expect(pongs.length).toBeLessThan(1001);
});

test("nothing is written once the connection closes", async () => {
  const { consumer, session, inbox } = await connected();
  inbox.socket.close();
  await inbox.closed;
  await eventually(() => session.closed);
  expect(consumer.isWritable()).toBe(false);
  consumer.send([piece(10)]);
  expect(inbox.texts).toEqual([]);
});
