import { expect, test } from "vitest";
import { InFlight } from "../../../src/transports/http/in-flight.ts";

test("there is room until more than the bound is unanswered, and again after the pong", () => {
  const inFlight = new InFlight(1000);
  inFlight.sent(1000);
  expect(inFlight.hasRoom).toBe(true);
  const ping = inFlight.ping(0);
  inFlight.sent(1);
  expect(inFlight.hasRoom).toBe(false);
  expect(inFlight.pong(ping, 12)).toBe(12);
  expect(inFlight.unansweredBytes).toBe(1);
  expect(inFlight.hasRoom).toBe(true);
});

test("a ping is wanted when a quarter of the bound went out since the last one", () => {
  const inFlight = new InFlight(1000);
  inFlight.sent(250);
  expect(inFlight.wantsPing).toBe(false);
  inFlight.sent(1);
  expect(inFlight.wantsPing).toBe(true);
  inFlight.ping(0);
  expect(inFlight.wantsPing).toBe(false);
  expect(inFlight.hasUnpinged).toBe(false);
});

test("a pong answers the pings before it, and no ping twice", () => {
  const inFlight = new InFlight(1000);
  inFlight.sent(100);
  const first = inFlight.ping(0);
  inFlight.sent(100);
  const second = inFlight.ping(5);
  inFlight.sent(100);
  expect(inFlight.pong(second, 9)).toBe(4);
  expect(inFlight.unansweredBytes).toBe(100);
  expect(inFlight.pong(first, 9)).toBeUndefined();
  expect(inFlight.pong(second, 9)).toBeUndefined();
  expect(inFlight.unansweredBytes).toBe(100);
});

test("pongs that nobody asked for answer nothing", () => {
  const inFlight = new InFlight(1000);
  inFlight.sent(100);
  for (const payload of [Buffer.alloc(0), Buffer.alloc(4), Buffer.alloc(4, 0xff), Buffer.alloc(125)]) {
    expect(inFlight.pong(payload, 1)).toBeUndefined();
  }
  expect(inFlight.unansweredBytes).toBe(100);
});

test("silence counts from the oldest open ping, or from the last pong", () => {
  const inFlight = new InFlight(1000);
  expect(inFlight.silenceMs(100)).toBe(0);
  inFlight.sent(1);
  const first = inFlight.ping(100);
  inFlight.sent(1);
  const second = inFlight.ping(200);
  expect(inFlight.silenceMs(350)).toBe(250);
  inFlight.pong(first, 300);
  expect(inFlight.silenceMs(350)).toBe(50);
  inFlight.pong(second, 360);
  expect(inFlight.silenceMs(10_000)).toBe(0);
  expect(inFlight.isWaiting).toBe(false);
});
