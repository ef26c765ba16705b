import { setTimeout as sleep } from "node:timers/promises";
import type { FeederCommands, FeederStart } from "../fanout/feeder-process.ts";
import { divideLoads, type Load, receivedBy, stopAll } from "../fanout/rival.ts";
import type { WebSocketLoadStart } from "../fanout/websocket-load-process.ts";
import { depthcastClients } from "../fanout/websocket-rivals.ts";
import type { ProberCommands, ProberStart } from "../latency/prober-process.ts";
import { expectOutcome } from "../support/benchmark.ts";
import { Child } from "../support/child-process.ts";
import type { ServerCommands, ServerStart } from "../support/depthcast-process.ts";
import { median, quantile } from "../support/measure.ts";

/** How long healthy consumers of a real server wait, beside real sockets that nobody reads. */

export interface HealthyFigure {
  readonly healthy: number;
  readonly stalled: number;
  /** Milliseconds from an event sent to its update received, over the consumers that are watched. */
  readonly p50: number;
  readonly p99: number;
}

const SYMBOL = "SYM-1";
/** Healthy consumers whose updates are timed; they are served last, after all the others. */
const WATCHED = 20;
const ROUNDS = 5;
const ROUND_EVENTS = 60;
const STALL_SECONDS_MAX = 60;

/** The others: so many of the 1,000 are healthy, and so many stalled. */
const SHAPES = [
  { healthy: 0, stalled: 0 },
  { healthy: 0, stalled: 1000 },
  { healthy: 1000, stalled: 0 },
  { healthy: 900, stalled: 100 },
] as const;
type Shape = { readonly healthy: number; readonly stalled: number };

export async function measureHealthy(
  smoke: boolean,
  progress: (line: string) => void,
): Promise<HealthyFigure[]> {
  const shapes: readonly Shape[] = smoke ? [{ healthy: 4, stalled: 4 }] : SHAPES;
  const crowds: Crowd[] = [];
  try {
    for (const shape of shapes) {
      progress(`${shape.healthy} healthy and ${shape.stalled} stalled sockets`);
      crowds.push(await Crowd.start(shape));
    }
    const times: number[][][] = shapes.map(() => []);
    // Round 0 warms up.
    for (let round = 0; round <= (smoke ? 1 : ROUNDS); round++) {
      for (const [at, crowd] of crowds.entries()) {
        const one = await crowd.probe(smoke ? 5 : ROUND_EVENTS);
        if (round > 0) times[at]!.push(one);
      }
    }
    for (const crowd of crowds) await crowd.expectStalled();
    return shapes.map(({ healthy, stalled }, at) => ({
      healthy: healthy + WATCHED,
      stalled,
      p50: median(times[at]!.map(median)),
      p99: median(times[at]!.map((round) => quantile(round, 0.99))),
    }));
  } finally {
    for (const crowd of crowds) await crowd.stop();
  }
}

/** A server with its consumers. */
class Crowd {
  readonly #shape: Shape;
  readonly #server: Child<ServerCommands>;
  readonly #metricsUrl: string;
  readonly #loads: readonly Load[];
  readonly #prober: Child<ProberCommands>;

  private constructor(
    shape: Shape,
    server: Child<ServerCommands>,
    metricsUrl: string,
    loads: readonly Load[],
    prober: Child<ProberCommands>,
  ) {
    this.#shape = shape;
    this.#server = server;
    this.#metricsUrl = metricsUrl;
    this.#loads = loads;
    this.#prober = prober;
  }

  static async start(shape: Shape): Promise<Crowd> {
    const start: ServerStart = {
      symbols: [SYMBOL],
      limits: {
        heartbeatIntervalMs: 600_000,
        // So that the stalled stall soon, and stay.
        inFlightBytesMax: 16 * 1024,
        stallTimeoutMs: 3_600_000,
      },
    };
    const server = await Child.start<ServerCommands>(
      new URL("../support/depthcast-process.ts", import.meta.url),
      start,
    );
    const ports = await server.ask("ports");
    const metricsUrl = `http://127.0.0.1:${ports.http}/metrics`;
    const loads: Load[] = [];
    const children: { stop(): Promise<void> }[] = [server];
    try {
      loads.push(...(await connect(ports.http, shape.stalled, true)));
      loads.push(...(await connect(ports.http, shape.healthy, false)));
      children.unshift(...loads);
      const proberStart: ProberStart = { ports, symbol: SYMBOL };
      const proberScript = new URL("../latency/prober-process.ts", import.meta.url);
      const prober = await Child.start<ProberCommands>(proberScript, proberStart);
      children.unshift(prober);
      const crowd = new Crowd(shape, server, metricsUrl, loads, prober);
      await crowd.#stall(ports.grpc);
      return crowd;
    } catch (failure) {
      await stopAll(children);
      throw failure;
    }
  }

  /** Milliseconds until each watched consumer had each event. */
  async probe(events: number): Promise<number[]> {
    const transports = Array.from({ length: WATCHED }, () => "websocket" as const);
    const before = (await receivedBy(this.#loads)).frames;
    const { received } = await this.#prober.ask("probe", {
      transports,
      intervalMs: 0,
      count: events,
      gapMs: [5, 10],
    });
    await sleep(100);
    const frames = (await receivedBy(this.#loads)).frames - before;
    const { healthy } = this.#shape;
    expectOutcome(frames >= healthy * events * 0.9, `${frames} frames for ${events} events to ${healthy}`);
    return received.flat();
  }

  /** All that are meant to be stalled are, and nobody else. */
  async expectStalled(): Promise<void> {
    const waiting = await this.#unwritable();
    expectOutcome(waiting === this.#shape.stalled, `${waiting} of ${this.#shape.stalled} stalled`);
  }

  async stop(): Promise<void> {
    await stopAll([this.#prober, ...this.#loads, this.#server]);
  }

  /** Changes the book until the server may send no more to any of the sockets that nobody reads. */
  async #stall(grpcPort: number): Promise<void> {
    const start: FeederStart = { grpcPort, symbols: [SYMBOL], intervalMs: 0 };
    const script = new URL("../fanout/feeder-process.ts", import.meta.url);
    const feeder = await Child.start<FeederCommands>(script, start);
    try {
      for (let second = 0; second < STALL_SECONDS_MAX; second++) {
        if ((await this.#unwritable()) >= this.#shape.stalled) break;
        await feeder.ask("feed", 1);
      }
      // For what is under way to the others.
      await sleep(300);
      await this.expectStalled();
    } finally {
      await feeder.stop();
    }
  }

  async #unwritable(): Promise<number> {
    const text = await (await fetch(this.#metricsUrl)).text();
    return Number(/^depthcast_consumers_unwritable (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  }
}

async function connect(port: number, connections: number, stalled: boolean): Promise<Load[]> {
  if (connections === 0) return [];
  const clients = depthcastClients({ connections, streams: 1, symbols: 1, intervalMs: 0 });
  const start: WebSocketLoadStart = { ...clients, port, stalled };
  return divideLoads(new URL("../fanout/websocket-load-process.ts", import.meta.url), start);
}
