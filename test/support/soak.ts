import { availableParallelism } from "node:os";
import { expect } from "vitest";
import { eventually } from "./eventually.ts";
import { GrpcClient } from "./grpc-client.ts";
import { ServerProcess } from "./server-process.ts";
import { type FinalState, SoakConsumers, type SoakReport } from "./soak-consumers.ts";
import { checkFlat, measurePhase, type PhaseFigures, withoutMemory } from "./soak-figures.ts";
import { SoakProducers } from "./soak-producers.ts";

/** The soak: a whole server on threads under steady load, without stalls, with stalls, with dying gateways. */
export interface SoakPlan {
  readonly seconds: number;
  readonly gateways: number;
  readonly symbols: number;
  readonly symbolsEach: number;
  readonly depth: number;
  readonly intervalMs: number;
  readonly eventsPerSecond: number;
  /** Half gRPC, half WebSocket. */
  readonly consumers: number;
  /** Those among them that are held to the whole contract, a third on each of gRPC, proto and JSON. */
  readonly fullConsumers: number;
  readonly stallPercent: number;
  readonly seed: number;
}

const SETTLE_MS = 5000;
const CONTROL_SHARE = 0.3;
/** The stalling ones notice only when they read again that their gateway is gone. */
const BACK_SOON_SHARE = 0.8;

export function soakPlan(environment: NodeJS.ProcessEnv): SoakPlan {
  const setting = (name: string, fallback: number): number => Number(environment[`SOAK_${name}`] ?? fallback);
  const cores = availableParallelism();
  return {
    seconds: setting("SECONDS", 60),
    gateways: setting("GATEWAYS", Math.min(3, Math.max(2, cores - 2))),
    symbols: setting("SYMBOLS", 50),
    symbolsEach: setting("SYMBOLS_EACH", 5),
    depth: setting("DEPTH", 20),
    intervalMs: setting("INTERVAL_MS", cores < 4 ? 500 : 250),
    eventsPerSecond: setting("RATE", 100_000),
    consumers: setting("CONSUMERS", 1000),
    fullConsumers: setting("FULL_CONSUMERS", 60),
    stallPercent: setting("STALL_PERCENT", 10),
    seed: setting("SEED", Math.floor(Math.random() * 2 ** 31)),
  };
}

export async function runSoak(plan: SoakPlan): Promise<void> {
  print("plan", plan);
  const server = await ServerProcess.start({
    gateways: plan.gateways,
    engines: 1,
    // Small, so that the server notices a stall after a few messages.
    limits: { inFlightBytesMax: 4096 },
  });
  const symbols = Array.from({ length: plan.symbols }, (_, index) => `SOAK-${index}`);
  const producers = await SoakProducers.start({
    grpcAddress: server.grpcAddress,
    symbols,
    producers: 2,
    eventsPerSecond: plan.eventsPerSecond,
    seed: plan.seed,
  });
  const consumers = await startConsumers(plan, server, symbols);
  const soak = new Soak(server, consumers);
  await soak.phase(SETTLE_MS); // warms up
  const control = await soak.phase(plan.seconds * CONTROL_SHARE * 1000);
  print("control", withoutMemory(control));
  await soak.stall(plan.stallPercent);
  const stalled = await soak.phase(plan.seconds * (1 - CONTROL_SHARE) * 1000);
  print("stalled", withoutMemory(stalled));
  const before = await soak.check();
  expect(before.reconnected, "nobody was cut off").toBe(0);
  expect(before.stalls).toBeGreaterThan(0);
  expect(stalled.eventsPerSecond, "the load is there").toBeGreaterThan(plan.eventsPerSecond / 2);
  expect(stalled.mergedIntervals, "stalls reached the server").toBeGreaterThan(0);
  print("drift", checkFlat(stalled.memory));
  checkDelays(plan, control, stalled);

  // The first that dies has its clients come back anywhere; when the next dies, the first one's successor serves.
  let reconnected = 0;
  for (const reader of [plan.gateways - 1, 0]) {
    const counts = await soak.check();
    await server.killGateway(reader);
    const killedMs = performance.now();
    await eventually(
      async () => {
        const text = await (await fetch(`${server.httpUrl}/metrics`)).text();
        return Array.from({ length: plan.gateways }, (_, index) => index).every((index) =>
          text.includes(`thread="gateway-${index}"`),
        );
      },
      { deadlineMs: 30_000, what: "a new gateway has taken the place" },
    );
    const replacedMs = performance.now() - killedMs;
    await soak.back(BACK_SOON_SHARE, counts.reconnected + 1);
    const backSoonMs = performance.now() - killedMs;
    const after = await soak.back(1, counts.reconnected + 1);
    print("kill", {
      gateway: reader,
      replacedMs: Math.round(replacedMs),
      fourFifthsBackMs: Math.round(backSoonMs),
      allBackMs: Math.round(performance.now() - killedMs),
      consumersThatCameBack: after.reconnected - counts.reconnected,
      subscriptionsResumed: after.resumed - counts.resumed,
      subscriptionsBySnapshot: after.snapshots - counts.snapshots,
    });
    reconnected = after.reconnected;
  }
  expect(reconnected).toBeGreaterThan(0);
  await soak.phase(SETTLE_MS);
  await soak.stall(0);

  const sent = await producers.stop();
  const accepted = (await server.metrics()).sum("depthcast_events_accepted_total");
  expect(accepted, "every event was applied, and once").toBe(sent.acknowledged);
  await checkFinalBooks(server, symbols, plan.depth, consumers);
  print("end", { events: accepted, producersReconnected: sent.reconnected, ...(await soak.check()) });
}

function startConsumers(
  plan: SoakPlan,
  server: ServerProcess,
  symbols: readonly string[],
): Promise<SoakConsumers[]> {
  const fullEach = Math.floor(plan.fullConsumers / 3);
  const half = Math.floor(plan.consumers / 2);
  const { grpcAddress, httpUrl } = server;
  const { symbolsEach, depth, intervalMs } = plan;
  const subscribed = { grpcAddress, httpUrl, symbols, symbolsEach, depth, intervalMs };
  const groups = [
    { transport: "grpc", full: false, count: half - fullEach },
    { transport: "proto", full: false, count: half - 2 * fullEach },
    { transport: "grpc", full: true, count: fullEach },
    { transport: "proto", full: true, count: fullEach },
    { transport: "json", full: true, count: fullEach },
  ] as const;
  return Promise.all(
    groups.map((group, index) =>
      SoakConsumers.start({
        ...group,
        ...subscribed,
        seed: plan.seed + index,
      }),
    ),
  );
}

/** The consumers of a running soak, taken together. */
class Soak {
  readonly #server: ServerProcess;
  readonly #consumers: readonly SoakConsumers[];

  constructor(server: ServerProcess, consumers: readonly SoakConsumers[]) {
    this.#server = server;
    this.#consumers = consumers;
  }

  phase(forMs: number): Promise<PhaseFigures> {
    return measurePhase(this.#server, forMs);
  }

  async stall(percent: number): Promise<void> {
    await Promise.all(this.#consumers.map((consumers) => consumers.stall(percent)));
  }

  /** @throws Error where a consumer has seen a breach of the contract */
  async check(): Promise<SoakReport> {
    const reports = await Promise.all(this.#consumers.map((consumers) => consumers.report()));
    const sum = (name: Exclude<keyof SoakReport, "failures">): number =>
      reports.reduce((total, report) => total + report[name], 0);
    const failures = reports.flatMap((report) => report.failures);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    return {
      consumers: sum("consumers"),
      ready: sum("ready"),
      snapshots: sum("snapshots"),
      deltas: sum("deltas"),
      resumed: sum("resumed"),
      resyncs: sum("resyncs"),
      mergedIntervalsMax: Math.max(...reports.map((report) => report.mergedIntervalsMax)),
      reconnected: sum("reconnected"),
      stalls: sum("stalls"),
      cpuSeconds: sum("cpuSeconds"),
      failures,
      behind: 0,
    };
  }

  /** Waits until that share of the consumers have their books again, and so many connections have been lost in all. */
  back(share: number, reconnectedMin: number): Promise<SoakReport> {
    return eventually(
      async () => {
        const report = await this.check();
        return report.ready >= report.consumers * share && report.reconnected >= reconnectedMin && report;
      },
      { deadlineMs: 60_000, what: `of the consumers ${share} have come back` },
    );
  }
}

/** Where the machine is so busy that even the control's loops are late, the control is the measure. */
function checkDelays(plan: SoakPlan, control: PhaseFigures, stalled: PhaseFigures): void {
  const delayMaxMs = Math.max(plan.intervalMs, control.loopDelayP99Ms.median * 2);
  expect(stalled.loopDelayP99Ms.median, "event-loop delay p99").toBeLessThan(delayMaxMs);
}

async function checkFinalBooks(
  server: ServerProcess,
  symbols: readonly string[],
  depth: number,
  consumers: readonly SoakConsumers[],
): Promise<void> {
  const client = new GrpcClient(server.grpcAddress);
  const states: Record<string, FinalState> = {};
  for (const symbol of symbols) {
    const { snapshot } = await client.getSnapshot({ symbol, depth });
    states[symbol] = { sequence: snapshot.sequence, checksum: snapshot.checksum };
  }
  client.close();
  await eventually(
    async () => {
      const behind = await Promise.all(consumers.map((each) => each.behind(states)));
      return behind.every((views) => views === 0);
    },
    { deadlineMs: 60_000, what: "every book of every consumer is the final one" },
  );
}

function print(what: string, figures: object): void {
  process.stdout.write(`soak ${what}: ${JSON.stringify(figures)}\n`);
}
