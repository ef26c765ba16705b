import { once } from "node:events";
import { expect } from "vitest";
import { add, type FlowEvent, wireBatch } from "./flow-event.ts";
import { decodeMessage, encodeMessage } from "./proto-files.ts";
import { type ProcessMemory, ServerProcess } from "./server-process.ts";
import { connectGrpc } from "./test-client.ts";

/** Ingest faster than the log: the producer is held, the server stays small, and nothing is lost. */
export interface HeldIngestPlan {
  readonly totalBytes: number;
  readonly logBytesPerSecond: number;
  readonly streams: number;
}

export interface HeldIngestFigures {
  readonly sentBytes: number;
  readonly seconds: number;
  /** The most over what was held before, garbage excluded, in millions of bytes. */
  readonly heldMB: number;
  /** The most over what the process had before, garbage included. */
  readonly rssMB: number;
}

const symbol = "PUSH";
const MB = 1_000_000;
const ingestBytesMax = 8 * 1024 * 1024;
/** Long keys, so that a byte costs the book little: what is tested is the way to it. */
const key = (index: number): string => `order-${String(index).padStart(58, "0")}`;
const eventsPerBatch = 2000;

export async function runHeldIngest(plan: HeldIngestPlan): Promise<HeldIngestFigures> {
  const { logBytesPerSecond } = plan;
  const server = await ServerProcess.start({ logBytesPerSecond, limits: { ingestBytesMax } });
  const client = connectGrpc(server);
  await client.defineInstrument({ symbol });
  const orders = Array.from({ length: eventsPerBatch }, (_, index): FlowEvent => {
    const { orderId: _id, ...order } = add(1, "bid", 10_000 + (index % 100), 5);
    return { ...order, orderKey: key(index) };
  });
  await client.ingest([wireBatch(symbol, orders)]);
  // Always accepted, so that the number accepted tells whether anything was lost.
  const events = orders.map(
    ({ orderKey }): FlowEvent => ({
      action: "update",
      orderKey: orderKey as string,
      quantity: 7n,
    }),
  );
  const message = encodeMessage("depthcast.v1.IngestRequest", wireBatch(symbol, events));
  const batchesPerStream = Math.ceil(plan.totalBytes / message.length / plan.streams);

  const before = await server.memory();
  const watch = new MemoryWatch(server);
  const start = performance.now();
  const pushed = Array.from({ length: plan.streams }, () => pushStream(server, message, batchesPerStream));
  const accepted = await Promise.all(pushed);
  const seconds = (performance.now() - start) / 1000;
  const highest = await watch.stop();
  expect(accepted).toEqual(accepted.map(() => String(batchesPerStream * eventsPerBatch)));
  const total = plan.streams * batchesPerStream * eventsPerBatch + eventsPerBatch;
  const { snapshot } = await client.getSnapshot({ symbol, depth: 100 });
  expect(snapshot.sequence).toBe(total);
  expect(snapshot.bids[0]).toEqual([10_099, 7 * (eventsPerBatch / 100), eventsPerBatch / 100]);
  return {
    sentBytes: plan.streams * batchesPerStream * message.length,
    seconds,
    heldMB: (highest.held - before.held) / MB,
    rssMB: (highest.rss - before.rss) / MB,
  };
}

/** Writes the same bytes over and over, as fast as the server lets it; resolves with the events accepted. */
async function pushStream(server: ServerProcess, message: Buffer, batches: number): Promise<string> {
  const client = connectGrpc(server);
  const stream = client.rawStream("/depthcast.v1.IngestService/Ingest");
  const response = new Promise<Buffer>((resolve, reject) => {
    stream.on("data", resolve);
    stream.on("error", reject);
  });
  response.catch(() => {});
  for (let batch = 0; batch < batches; batch += 1) {
    if (!stream.write(message)) await Promise.race([once(stream, "drain"), response]);
  }
  stream.end();
  return decodeMessage("depthcast.v1.IngestResponse", await response)["acceptedEvents"] as string;
}

/** Looks at a process's memory again and again. */
class MemoryWatch {
  readonly #done: Promise<ProcessMemory>;
  #over = false;

  constructor(server: ServerProcess) {
    this.#done = this.#watch(server);
    this.#done.catch(() => {});
  }

  /** The highest that was seen, in bytes. */
  stop(): Promise<ProcessMemory> {
    this.#over = true;
    return this.#done;
  }

  async #watch(server: ServerProcess): Promise<ProcessMemory> {
    let highest = { rss: 0, held: 0 };
    while (!this.#over) {
      // Before a garbage collection for what the process takes, after one for what it holds.
      const { rss } = await server.memory({ collect: false });
      const { held } = await server.memory();
      highest = { rss: Math.max(highest.rss, rss), held: Math.max(highest.held, held) };
      await new Promise((resolve) => {
        setTimeout(resolve, 400);
      });
    }
    return highest;
  }
}
