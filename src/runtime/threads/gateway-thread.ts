import { parentPort, workerData } from "node:worker_threads";
import { DepthFeed } from "../../board/depth-feed.ts";
import { DepthFeeds } from "../../board/depth-feeds.ts";
import type { DepthRequests } from "../../board/reader-claims.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { InstrumentTable } from "../../engine/instrument-table.ts";
import { invariant } from "../../errors.ts";
import { Health } from "../../observability/health.ts";
import type { Logger, LogLevel } from "../../observability/logger.ts";
import { createMetrics } from "../../observability/metrics.ts";
import { authorizeAll } from "../../transports/admission.ts";
import { Gateway } from "../gateway.ts";
import { Calls } from "./calls.ts";
import {
  type EngineToGateway,
  type Fallible,
  fallible,
  fromPlain,
  type FromGateway,
  type GatewaySetup,
  type GatewayToEngine,
  type IntegrityAnswer,
  type SharedClock,
  type ToGateway,
  unwrap,
} from "./messages.ts";
import { Outbox } from "./outbox.ts";
import { RemoteIngest } from "./remote-ingest.ts";

/** The thread of a gateway: sockets, views and cursors; no book. */

/** More than the turns of the event loop that closing a socket takes. */
const SOCKETS_CLOSE_MS = 20;

invariant(parentPort !== null, "a gateway thread is started as a worker");
const core = parentPort;
const setup = workerData as GatewaySetup;
const { limits, epoch, reader } = setup;
const clock = await createClock(setup.clock);
const outbox = new Outbox<FromGateway>(core);
const calls = new Calls();
const metrics = createMetrics({ thread: `gateway-${reader}`, process: false });
const instruments = new InstrumentTable();
for (const listed of setup.instruments) instruments.put(listed);
const ingest = new RemoteIngest({ epoch, bytesMax: limits.ingestBytesMax, outbox, calls });
const depths = new DepthFeeds(setup.boards.map(({ control, port }) => openFeed(control, port)));
const gateway = new Gateway({
  clock,
  logger: createPortLogger(),
  limits,
  epoch,
  instruments,
  ingest,
  depths,
  authorize: authorizeAll,
  origins: setup.origins,
  health: new Health(),
  metrics,
  metricsText: () => calls.ask<string>((call) => outbox.push({ kind: "metrics", call })),
  integrity: setup.debugIntegrity ? askIntegrity : undefined,
});
gateway.logFaultChanged(setup.logFault);
metrics.watch({ ingestBytes: () => ingest.bytesInFlight });

async function createClock(shared: SharedClock | undefined): Promise<Clock> {
  if (shared === undefined) return systemClock;
  const module = (await import(shared.module)) as { createClock(data: unknown): Clock };
  return module.createClock(shared.data);
}

function openFeed(control: SharedArrayBuffer, port: MessagePort): DepthFeed {
  const waiting = new Calls();
  const post = (message: GatewayToEngine) => port.postMessage(message);
  const requests: DepthRequests = {
    claim: (instrument, levels) => waiting.ask((call) => post({ kind: "claim", call, instrument, levels })),
    release: (instrument, levels) => post({ kind: "release", instrument, levels }),
  };
  const feed = new DepthFeed({ reader, control, clock, requests });
  port.addEventListener("message", ({ data }) => {
    const message = data as EngineToGateway;
    if (message.kind === "ring") feed.ring();
    else if (message.kind === "buffer") feed.attach(message.instrument, message.buffer);
    else waiting.answer(message.call, message.answer);
  });
  port.start();
  return feed;
}

function createPortLogger(): Logger {
  const log = (level: LogLevel) => (fields: object, message: string) =>
    outbox.push({ kind: "log", level, fields: cloneable(fields), message });
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** Errors keep their message, everything else that cannot be cloned is told as text. */
function cloneable(fields: object): object {
  return JSON.parse(
    JSON.stringify(fields, (_, value: unknown) => {
      if (value instanceof Error) return { message: value.message, stack: value.stack };
      return typeof value === "bigint" ? String(value) : value;
    }),
  ) as object;
}

async function askIntegrity(): Promise<IntegrityAnswer> {
  return unwrap(
    await calls.ask<Fallible<IntegrityAnswer>>((call) => outbox.push({ kind: "integrity", call })),
  );
}

function answer(call: number, value: unknown): void {
  outbox.push({ kind: "answer", call, answer: value });
}

async function handle(message: ToGateway): Promise<void> {
  switch (message.kind) {
    case "listen":
      answer(message.call, await fallible(() => gateway.listen(message.addresses)));
      return;
    case "outcomes":
      ingest.outcomes(message.outcomes);
      return;
    case "ended":
      ingest.ended(message.stream, fromPlain(message.reason));
      return;
    case "submitted":
      await ingest.received(message.stream);
      answer(message.call, undefined);
      return;
    case "instrument":
      instruments.put(message.listed);
      gateway.instrumentChanged(message.listed.index);
      answer(message.call, undefined);
      return;
    case "metrics":
      answer(message.call, await metrics.text());
      return;
    case "log_fault":
      gateway.logFaultChanged(message.fault);
      return;
    case "send_away":
      gateway.sendAway();
      return;
    case "fail":
      setImmediate(() => {
        throw new Error("a gateway thread was told to fail");
      });
      return;
    case "stop":
      answer(message.call, await fallible(stop));
      return;
    case "answer":
      calls.answer(message.call, message.answer);
  }
}

async function stop(): Promise<void> {
  await gateway.stop();
  depths.stop();
  metrics.stop();
}

/**
 * A thread that ends while it reads HTTP/2 may abort the whole process (nodejs/node issue 38418, seen on Node 26): so its sockets
 * are closed before what it failed of ends it, thrown again.
 */
process.once("uncaughtException", (failure) => {
  gateway.abandon();
  setTimeout(() => {
    throw failure;
  }, SOCKETS_CLOSE_MS);
});

core.on("message", (messages: readonly ToGateway[]) => {
  for (const message of messages) void handle(message);
});
