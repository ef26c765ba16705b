import type { ProducerTotals } from "../../src/client/producer/producer-options.ts";
import { AskedChild } from "./asked-child.ts";

/** A producer in a process of its own that sends the batches of a `CrashFlow` as fast as the server takes them. */

export interface CrashProducerOptions {
  readonly target: string;
  readonly seed: number;
  readonly producer: number;
}

export type CrashProducerCommand =
  | { readonly op: "start"; readonly options: CrashProducerOptions }
  | { readonly op: "progress" }
  /** Makes no further batch; answers when all are acknowledged. */
  | { readonly op: "finish" };

export interface CrashProducerProgress {
  /** Batches that were given to the producer, and those that are acknowledged. */
  readonly made: number;
  readonly acknowledged: number;
  readonly eventsMade: number;
  readonly totals: Pick<ProducerTotals, "acceptedEvents" | "rejectedEvents" | "uncountedEvents">;
  /** How often the connection was lost. */
  readonly losses: number;
}

export class CrashProducer {
  readonly #child = new AskedChild<CrashProducerCommand, CrashProducerProgress>(
    new URL("./crash-producer-child.ts", import.meta.url),
  );

  static async start(options: CrashProducerOptions): Promise<CrashProducer> {
    const producer = new CrashProducer();
    await producer.#child.ask({ op: "start", options });
    return producer;
  }

  /** @throws Error why the producer has stopped. */
  progress(): Promise<CrashProducerProgress> {
    return this.#child.ask({ op: "progress" });
  }

  /** @throws Error why the producer has stopped. */
  finish(): Promise<CrashProducerProgress> {
    return this.#child.ask({ op: "finish" });
  }
}
