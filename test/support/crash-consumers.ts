import { AskedChild } from "./asked-child.ts";
import type { ServerAddresses, TransportName } from "./test-client.ts";

/**
 * Consumers of every transport in a process of their own, which connect again by themselves and resume where they
 * were. They check each message by the contract, and that neither sequence nor epoch changes over restarts.
 */

export interface CrashConsumersOptions {
  readonly addresses: ServerAddresses;
  readonly symbols: readonly string[];
  readonly depth: number;
}

/** A state of a symbol's book that a consumer had. */
export type SeenState = readonly [symbol: string, sequence: number, checksum: number];

export interface CrashConsumerReport {
  readonly transport: TransportName;
  readonly epoch: string;
  /** How far each symbol's book is known to be exact. */
  readonly exactUpTo: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly resumed: number;
  /** The first breach, or empty. */
  readonly failure: string;
  readonly seen: readonly SeenState[];
}

export type CrashConsumersCommand =
  | { readonly op: "start"; readonly options: CrashConsumersOptions }
  /** With what was seen since the last report. */
  | { readonly op: "report" };

export class CrashConsumers {
  readonly #child = new AskedChild<CrashConsumersCommand, readonly CrashConsumerReport[]>(
    new URL("./crash-consumers-child.ts", import.meta.url),
  );

  static async start(options: CrashConsumersOptions): Promise<CrashConsumers> {
    const consumers = new CrashConsumers();
    const { grpcAddress, httpUrl } = options.addresses;
    await consumers.#child.ask({
      op: "start",
      options: { ...options, addresses: { grpcAddress, httpUrl } },
    });
    return consumers;
  }

  report(): Promise<readonly CrashConsumerReport[]> {
    return this.#child.ask({ op: "report" });
  }
}
