import { AskedChild } from "./asked-child.ts";
import type { TransportName } from "./test-client.ts";

/**
 * The consumers of the soak, in a process of their own. Each has a connection of its own, keeps and checks its
 * books, comes back by itself with the positions that it has, and may stall at random.
 */

export interface SoakConsumersOptions {
  readonly grpcAddress: string;
  readonly httpUrl: string;
  readonly transport: TransportName;
  /** Whether every book is a whole `ReferenceBook`, behind a client as a stranger would write it. */
  readonly full: boolean;
  readonly count: number;
  readonly symbols: readonly string[];
  readonly symbolsEach: number;
  readonly depth: number;
  readonly intervalMs: number;
  readonly seed: number;
}

/** The true state of a symbol's window once nothing more comes. */
export interface FinalState {
  readonly sequence: number;
  readonly checksum: number;
}

export type SoakCommand =
  | { readonly op: "start"; readonly options: SoakConsumersOptions }
  /** From now on this many of a hundred stall in turns; 0 ends it. */
  | { readonly op: "stall"; readonly percent: number }
  | { readonly op: "report" }
  /** How many views are not at the final state. */
  | { readonly op: "behind"; readonly states: Readonly<Record<string, FinalState>> };

export interface SoakReport {
  readonly consumers: number;
  /** Consumers all of whose views have a book on the present connection. */
  readonly ready: number;
  readonly snapshots: number;
  readonly deltas: number;
  /** Subscriptions that went on without a Snapshot. */
  readonly resumed: number;
  readonly resyncs: number;
  readonly mergedIntervalsMax: number;
  /** Connections that ended and were made anew. */
  readonly reconnected: number;
  readonly stalls: number;
  readonly cpuSeconds: number;
  /** The first breaches of the contract. */
  readonly failures: readonly string[];
  readonly behind: number;
}

export class SoakConsumers {
  readonly #child = new AskedChild<SoakCommand, SoakReport>(
    new URL("./soak-consumers-child.ts", import.meta.url),
  );

  /** Resolves when every consumer has the first Snapshot of each subscription. */
  static async start(options: SoakConsumersOptions): Promise<SoakConsumers> {
    const consumers = new SoakConsumers();
    await consumers.#child.ask({ op: "start", options });
    return consumers;
  }

  stall(percent: number): Promise<SoakReport> {
    return this.#child.ask({ op: "stall", percent });
  }

  report(): Promise<SoakReport> {
    return this.#child.ask({ op: "report" });
  }

  async behind(states: Readonly<Record<string, FinalState>>): Promise<number> {
    return (await this.#child.ask({ op: "behind", states })).behind;
  }
}
