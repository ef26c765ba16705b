import { divideLoads, type Load as Clients, stopAll } from "../fanout/rival.ts";
import type { FeederCommands, FeederStart } from "../fanout/feeder-process.ts";
import { depthcastClients } from "../fanout/websocket-rivals.ts";
import { Child } from "../support/child-process.ts";
import { wallSeconds } from "../support/wall-clock.ts";
import { SYMBOLS, type Target } from "./targets.ts";

const FEED_INTERVAL_MS = 5;
const FEED_SECONDS = 0.5;
const CONNECTIONS = 500;

/** What servers have to do beside the probes: changes of ten books, and consumers of all of them. */
export class Load {
  readonly about =
    `ten books changed every ${FEED_INTERVAL_MS} ms (28,000 events/s), all ten to ${CONNECTIONS} WebSockets every 50 ms (100,000 updates/s)`;
  readonly #targets: readonly Target[];
  readonly #feeders: readonly Child<FeederCommands>[];
  readonly #clients: readonly Clients[];
  /** CPU seconds a second that a server took under it. */
  serverShare = 0;

  private constructor(
    targets: readonly Target[],
    feeders: readonly Child<FeederCommands>[],
    clients: readonly Clients[],
  ) {
    this.#targets = targets;
    this.#feeders = feeders;
    this.#clients = clients;
  }

  /** Fills the books. */
  static async start(targets: readonly Target[]): Promise<Load> {
    const feeders: Child<FeederCommands>[] = [];
    const clients: Clients[] = [];
    for (const { ports } of targets) {
      const start: FeederStart = { grpcPort: ports.grpc, symbols: SYMBOLS, intervalMs: FEED_INTERVAL_MS };
      const script = new URL("../fanout/feeder-process.ts", import.meta.url);
      feeders.push(await Child.start<FeederCommands>(script, start));
      const shape = { connections: CONNECTIONS, streams: 1, symbols: SYMBOLS.length, intervalMs: 50 };
      const loadScript = new URL("../fanout/websocket-load-process.ts", import.meta.url);
      const loadStart = { ...depthcastClients(shape), port: ports.http };
      clients.push(...(await divideLoads(loadScript, loadStart)));
    }
    return new Load(targets, feeders, clients);
  }

  async during(work: () => Promise<void>): Promise<void> {
    const over = new AbortController();
    const feedOn = async (feeder: Child<FeederCommands>): Promise<void> => {
      while (!over.signal.aborted) await feeder.ask("feed", FEED_SECONDS);
    };
    const [cpuBefore, wallBefore] = [await this.#cpuSeconds(), wallSeconds()];
    const feeding = Promise.all(this.#feeders.map(feedOn));
    try {
      await work();
    } finally {
      over.abort();
      await feeding;
    }
    const cpuSeconds = (await this.#cpuSeconds()) - cpuBefore;
    this.serverShare = cpuSeconds / (wallSeconds() - wallBefore) / this.#targets.length;
  }

  stop(): Promise<void> {
    return stopAll([...this.#feeders, ...this.#clients]);
  }

  async #cpuSeconds(): Promise<number> {
    const each = await Promise.all(this.#targets.map(({ server }) => server.ask("cpuSeconds")));
    return each.reduce((sum, seconds) => sum + seconds, 0);
  }
}
