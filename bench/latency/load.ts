import { type Load as Clients, stopAll } from "../fanout/rival.ts";
import type { FeederCommands, FeederStart } from "../fanout/feeder-process.ts";
import { startClients } from "../fanout/websocket-rivals.ts";
import { Child } from "../support/child-process.ts";
import { wallSeconds } from "../support/wall-clock.ts";
import { SYMBOLS, type Target } from "./targets.ts";

const FEED_INTERVAL_MS = 5;
const FEED_SECONDS = 0.5;
const CONNECTIONS = 500;
const SMOKE_CONNECTIONS = 20;

/** What servers have to do beside the probes: changes of ten books, and consumers of all of them. */
export class Load {
  static readonly about =
    `ten books changed every ${FEED_INTERVAL_MS} ms (28,000 events/s), all ten to ${CONNECTIONS} WebSockets every 50 ms (100,000 updates/s)`;
  readonly #target: Target;
  readonly #feeder: Child<FeederCommands>;
  readonly #clients: readonly Clients[];
  #cpuSeconds = 0;
  #wallSeconds = 0;

  private constructor(target: Target, feeder: Child<FeederCommands>, clients: readonly Clients[]) {
    this.#target = target;
    this.#feeder = feeder;
    this.#clients = clients;
  }

  /** Fills the books. */
  static async start(target: Target, smoke: boolean): Promise<Load> {
    const { grpc, http } = target.ports;
    const start: FeederStart = { grpcPort: grpc, symbols: SYMBOLS, intervalMs: FEED_INTERVAL_MS };
    const script = new URL("../fanout/feeder-process.ts", import.meta.url);
    const feeder = await Child.start<FeederCommands>(script, start);
    const connections = smoke ? SMOKE_CONNECTIONS : CONNECTIONS;
    const shape = { connections, streams: 1, symbols: SYMBOLS.length, intervalMs: 50 };
    return new Load(target, feeder, await startClients(http, shape));
  }

  async during(work: () => Promise<void>): Promise<void> {
    const over = new AbortController();
    const feedOn = async (): Promise<void> => {
      while (!over.signal.aborted) await this.#feeder.ask("feed", FEED_SECONDS);
    };
    const [cpuBefore, wallBefore] = [await this.#target.server.ask("cpuSeconds"), wallSeconds()];
    const feeding = feedOn();
    try {
      await work();
    } finally {
      over.abort();
      await feeding;
    }
    this.#cpuSeconds += (await this.#target.server.ask("cpuSeconds")) - cpuBefore;
    this.#wallSeconds += wallSeconds() - wallBefore;
  }

  /** CPU seconds a second that the server took under it. */
  get serverShare(): number {
    return this.#cpuSeconds / this.#wallSeconds;
  }

  stop(): Promise<void> {
    return stopAll([this.#feeder, ...this.#clients]);
  }
}
