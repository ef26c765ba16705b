import { AskedChild } from "./asked-child.ts";

/**
 * The producers of the soak, in a process of their own: real gRPC, exactly once over broken connections.
 * Together they hold a rate as long as the server takes it.
 */

export interface SoakProducersOptions {
  readonly grpcAddress: string;
  /** Divided among the producers. */
  readonly symbols: readonly string[];
  readonly producers: number;
  readonly eventsPerSecond: number;
  readonly seed: number;
}

export type ProducersCommand =
  | { readonly op: "start"; readonly options: SoakProducersOptions }
  | { readonly op: "report" }
  /** Answered when all that was sent is acknowledged. */
  | { readonly op: "stop" };

export interface ProducersReport {
  /** Events of acknowledged batches. */
  readonly acknowledged: number;
  readonly reconnected: number;
  readonly cpuSeconds: number;
}

export class SoakProducers {
  readonly #child = new AskedChild<ProducersCommand, ProducersReport>(
    new URL("./soak-producers-child.ts", import.meta.url),
  );

  /** Resolves when the books are there and the flow has begun. */
  static async start(options: SoakProducersOptions): Promise<SoakProducers> {
    const producers = new SoakProducers();
    await producers.#child.ask({ op: "start", options });
    return producers;
  }

  report(): Promise<ProducersReport> {
    return this.#child.ask({ op: "report" });
  }

  stop(): Promise<ProducersReport> {
    return this.#child.ask({ op: "stop" });
  }
}
