import { setTimeout as sleep } from "node:timers/promises";
import type { ProducerEvent } from "../../client/ingest-batch-writer.ts";
import type { IngestStream } from "../../client/ingest-stream.ts";
import type { IngestTotals } from "../../client/ingest-tally.ts";
import type { BookPosition } from "../../client/market-update.ts";
import type { Producer } from "../../client/producer/producer.ts";
import type { ProducerTotals } from "../../client/producer/producer-options.ts";
import { isPassing } from "../../client/producer/producer-faults.ts";
import type { DepthcastError } from "../../errors.ts";

const ASK_AGAIN_MS = 200;

/** Where the events of a run go. Promises have to be awaited before the next call. */
export interface EventSink {
  write(symbol: string, event: ProducerEvent): Promise<void> | undefined;
  /** Sends what is gathered. */
  flush(): Promise<void> | undefined;
  /** Sends what is gathered and resolves when all is durable and applied. */
  settle(): Promise<void>;
  position(symbol: string): BookPosition | undefined;
  /** Resolves when a call that failed so may be made again. @throws DepthcastError where that is no use. */
  outlive(error: DepthcastError): Promise<void>;
  /** What the progress line says beside the counts. */
  readonly note: string;
  readonly totals: IngestTotals;
  close(): Promise<IngestTotals | ProducerTotals>;
}

/** One stream, with which everything ends. */
export function streamSink(stream: IngestStream): EventSink {
  return {
    write: (symbol, event) => stream.write(symbol, event),
    flush: () => stream.flush(),
    settle: () => stream.settle(),
    position: (symbol) => stream.position(symbol),
    outlive: async (error) => {
      throw error;
    },
    note: "",
    get totals() {
      return stream.totals;
    },
    close: () => stream.close(),
  };
}

/** A producer that goes on after the server was away. */
export function producerSink(producer: Producer): EventSink {
  return {
    write: (symbol, event) => producer.write(symbol, event),
    flush: () => {
      producer.send();
      return undefined;
    },
    settle: () => producer.flush(),
    position: (symbol) => producer.position(symbol),
    outlive: async (error) => {
      await sleep(ASK_AGAIN_MS);
      // Where the producer stops for the same reason, it tells it better.
      await producer.connected();
      if (!isPassing(error)) throw error;
    },
    get note() {
      const { status } = producer;
      return status.phase === "reconnecting" ? `, reconnecting… (${status.cause.message})` : "";
    },
    get totals() {
      return producer.totals;
    },
    close: () => producer.close(),
  };
}
