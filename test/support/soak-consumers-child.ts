import { setTimeout as sleep } from "node:timers/promises";
import { answerCommands } from "./answer-commands.ts";
import { eventually } from "./eventually.ts";
import { FullGrpcConsumer, FullWebSocketConsumer } from "./full-consumer.ts";
import { LeanGrpcConsumer, LeanWebSocketConsumer } from "./lean-consumer.ts";
import { Random } from "./random.ts";
import type { SoakConsumer } from "./soak-consumer.ts";
import type { SoakCommand, SoakConsumersOptions, SoakReport } from "./soak-consumers.ts";
import type { SubscriptionOptions } from "./update.ts";

/** The child of `SoakConsumers`. */

const CONNECTING_AT_ONCE = 25;
const RETRY_MS = [50, 500] as const;
const STALL_MS = [1000, 8000] as const;
const READ_MS = [500, 3000] as const;
/** Small, so that the server notices a stall after a few messages. */
const WINDOW_BYTES = 4096;
const FAILURES_TOLD = 3;

const consumers: SoakConsumer[] = [];
const connected = new Set<SoakConsumer>();
let reconnected = 0;
let stalls = 0;
let stalling = new AbortController();
let random = new Random(0);

answerCommands(async (command: SoakCommand): Promise<SoakReport> => {
  let behind = 0;
  if (command.op === "start") await start(command.options);
  else if (command.op === "stall") startStalls(command.percent);
  else if (command.op === "behind") {
    behind = consumers.reduce((sum, consumer) => sum + consumer.behind(command.states), 0);
  }
  return report(behind);
});

async function start(options: SoakConsumersOptions): Promise<void> {
  random = new Random(options.seed);
  for (let opened = 0; opened < options.count; opened += CONNECTING_AT_ONCE) {
    const wave = Array.from({ length: Math.min(CONNECTING_AT_ONCE, options.count - opened) }, () =>
      create(options, pickSubscriptions(options)),
    );
    consumers.push(...wave);
    for (const consumer of wave) void keepConnected(consumer);
    await eventually(() => wave.every((consumer) => (consumer.check(), consumer.isReady())), {
      deadlineMs: 60_000,
      what: "the consumers have their first Snapshots",
    });
  }
}

function pickSubscriptions(options: SoakConsumersOptions): SubscriptionOptions[] {
  const { symbols, symbolsEach, depth, intervalMs } = options;
  const picked = new Set<string>();
  while (picked.size < symbolsEach) picked.add(random.pick(symbols));
  return Array.from(picked, (symbol) => ({ symbol, depth, intervalMs }));
}

function create(options: SoakConsumersOptions, subscriptions: SubscriptionOptions[]): SoakConsumer {
  const { transport, full, grpcAddress, httpUrl } = options;
  if (transport === "grpc") {
    return full
      ? new FullGrpcConsumer(grpcAddress, subscriptions)
      : new LeanGrpcConsumer(grpcAddress, subscriptions, WINDOW_BYTES);
  }
  return full
    ? new FullWebSocketConsumer(httpUrl, transport, subscriptions)
    : new LeanWebSocketConsumer(httpUrl, subscriptions);
}

async function keepConnected(consumer: SoakConsumer): Promise<void> {
  for (;;) {
    let wasOpen = false;
    const onOpen = (): void => {
      wasOpen = true;
    };
    connected.add(consumer);
    await consumer.connect(onOpen).catch(() => {});
    connected.delete(consumer);
    if (wasOpen) reconnected += 1;
    await sleep(random.between(...RETRY_MS));
  }
}

function startStalls(percent: number): void {
  stalling.abort();
  stalling = new AbortController();
  for (const consumer of consumers) {
    consumer.resume();
    if (random.chance(percent)) void stall(consumer, stalling.signal);
  }
}

async function stall(consumer: SoakConsumer, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    consumer.pause();
    stalls += 1;
    await sleep(random.between(...STALL_MS));
    // Whoever ended the stalls has resumed all.
    if (over.aborted) return;
    consumer.resume();
    await sleep(random.between(...READ_MS));
  }
}

function report(behind: number): SoakReport {
  const failures = consumers.flatMap((consumer) => {
    try {
      consumer.check();
      return [];
    } catch (thrown) {
      return [String(thrown)];
    }
  });
  const whole = failures.length === 0 ? consumers : [];
  const counters = whole.map((consumer) => consumer.counters());
  const sum = (name: "snapshots" | "deltas" | "resumed" | "resyncs"): number =>
    counters.reduce((total, counter) => total + counter[name], 0);
  const { user, system } = process.cpuUsage();
  return {
    consumers: consumers.length,
    ready: whole.filter((consumer) => connected.has(consumer) && consumer.isReady()).length,
    snapshots: sum("snapshots"),
    deltas: sum("deltas"),
    resumed: sum("resumed"),
    resyncs: sum("resyncs"),
    mergedIntervalsMax: Math.max(0, ...counters.map(({ mergedIntervalsMax }) => mergedIntervalsMax)),
    reconnected,
    stalls,
    cpuSeconds: (user + system) / 1e6,
    failures: failures.slice(0, FAILURES_TOLD),
    behind,
  };
}
