import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { setTimeout as sleep } from "node:timers/promises";
import { answerCommands } from "./answer-commands.ts";
import { GrpcClient } from "./grpc-client.ts";
import { SoakFlow } from "./soak-flow.ts";
import type { ProducersCommand, ProducersReport, SoakProducersOptions } from "./soak-producers.ts";

/** The child of `SoakProducers`. */

const RETRY_MS = 100;
const PERIOD_MS = 10;
/** Batches sent and not acknowledged. */
const IN_FLIGHT_MAX = 256;

class Producer {
  readonly #address: string;
  readonly #id: string;
  readonly #flow: SoakFlow;
  readonly #batchesPerMs: number;
  #acknowledged = 0;
  #sent = 0;
  #wanted: number;
  #isStopping = false;
  readonly done: Promise<void>;
  reconnected = 0;
  events = 0;

  constructor(
    address: string,
    id: string,
    symbols: readonly string[],
    eventsPerSecond: number,
    seed: number,
  ) {
    this.#address = address;
    this.#id = id;
    this.#flow = new SoakFlow(symbols, id, seed);
    this.#wanted = this.#flow.firstBatches;
    this.#batchesPerMs = eventsPerSecond / 1000 / this.#flow.eventsOf(Infinity);
    this.done = this.#run();
  }

  get hasBegun(): boolean {
    return this.#acknowledged >= this.#flow.firstBatches;
  }

  stop(): void {
    this.#isStopping = true;
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      await this.#stream().catch(() => {});
      if (this.#isOver()) return;
      this.reconnected += 1;
      await sleep(RETRY_MS);
      await this.#askPosition().catch(() => {});
    }
  }

  #isOver(): boolean {
    return this.#isStopping && this.#acknowledged === this.#sent;
  }

  async #askPosition(): Promise<void> {
    const client = new GrpcClient(this.#address);
    try {
      const position = await client.getProducerPosition(this.#id);
      if (position > this.#acknowledged) this.#acknowledge(position);
    } finally {
      client.close();
    }
  }

  #acknowledge(batchNumber: number): void {
    while (this.#acknowledged < batchNumber) {
      this.#acknowledged += 1;
      this.events += this.#flow.eventsOf(this.#acknowledged);
    }
  }

  /** Resolves or rejects when the stream has ended. */
  async #stream(): Promise<void> {
    const bytes = (message: Buffer): Buffer => message;
    const client = new Client(this.#address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    });
    const call: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
      "/depthcast.v1.IngestService/IngestAcked",
      bytes,
      bytes,
    );
    const { promise: over, resolve, reject } = Promise.withResolvers<void>();
    call.on("data", () => this.#acknowledge(this.#acknowledged + 1));
    call.on("error", reject);
    call.on("end", resolve);
    // What was not acknowledged is sent again: the server skips what it has.
    let next = this.#acknowledged + 1;
    let lastMs = performance.now();
    const timer = setInterval(() => {
      const nowMs = performance.now();
      if (this.#isStopping) this.#wanted = this.#sent;
      else if (this.hasBegun) {
        const wanted = this.#wanted + (nowMs - lastMs) * this.#batchesPerMs;
        this.#wanted = Math.min(this.#sent + IN_FLIGHT_MAX, wanted);
      }
      lastMs = nowMs;
      while (next <= this.#wanted && next - this.#acknowledged <= IN_FLIGHT_MAX) {
        call.write(this.#flow.batch(next));
        this.#sent = Math.max(this.#sent, next);
        next += 1;
      }
      if (this.#isOver()) call.end();
    }, PERIOD_MS);
    try {
      await over;
    } finally {
      clearInterval(timer);
      client.close();
    }
  }
}

const producers: Producer[] = [];

async function start(options: SoakProducersOptions): Promise<void> {
  const { grpcAddress, symbols, producers: count, eventsPerSecond, seed } = options;
  const definer = new GrpcClient(grpcAddress);
  for (const symbol of symbols) await definer.defineInstrument({ symbol, priceScale: 2, quantityScale: 0 });
  definer.close();
  for (let index = 0; index < count; index += 1) {
    const own = symbols.filter((_, place) => place % count === index);
    const id = `soak-${index}`;
    producers.push(new Producer(grpcAddress, id, own, eventsPerSecond / count, seed + index));
  }
  while (!producers.every(({ hasBegun }) => hasBegun)) await sleep(PERIOD_MS);
}

async function stop(): Promise<void> {
  for (const producer of producers) producer.stop();
  await Promise.all(producers.map(({ done }) => done));
}

answerCommands(async (command: ProducersCommand): Promise<ProducersReport> => {
  if (command.op === "start") await start(command.options);
  else if (command.op === "stop") await stop();
  const { user, system } = process.cpuUsage();
  return {
    acknowledged: producers.reduce((sum, { events }) => sum + events, 0),
    reconnected: producers.reduce((sum, producer) => sum + producer.reconnected, 0),
    cpuSeconds: (user + system) / 1e6,
  };
});
