import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { WebSocket } from "ws";
import { IngestRequestSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import { SubscribeRequestSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { OrderAction, type OrderEventSchema, Side } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { WebSocketRequestSchema } from "../../src/protocol/gen/depthcast/v1/websocket_pb.ts";
import { MID_PRICE } from "../flows/flow-orders.ts";
import { answerCommands } from "../support/child-process.ts";
import { SeededRandom } from "../support/random.ts";

/** One producer that is a consumer as well, so that one clock sees an event leave and come back. */

export interface ProberStart {
  readonly ports: { readonly grpc: number; readonly http: number };
  readonly symbol: string;
}

export type ProbeTransport = "grpc" | "websocket";

export interface ProbeOrder {
  /** Consumers that wait for each event, all at once. */
  readonly transports: readonly ProbeTransport[];
  readonly intervalMs: number;
  readonly count: number;
  /** Between the arrival of one and the sending of the next, random between these. */
  readonly gapMs: readonly [min: number, max: number];
}

/** Milliseconds from an event's `write` to what came of it, an entry for each event. */
export interface ProbeTimes {
  readonly acknowledged: readonly number[];
  /** In the order of `transports`. */
  readonly received: readonly (readonly number[])[];
}

export interface ProberCommands {
  probe(order: ProbeOrder): Promise<ProbeTimes>;
}

const SEED = 7;
const ORDER_ID = 1_000_000n;
/** A level of its own between the best bid and ask of the others. */
const PRICE = BigInt(MID_PRICE);
/** Quantities of seven bytes on the wire, no two alike: an update that shows one holds its bytes. */
const QUANTITY_MIN = 2 ** 42;
const QUANTITY_STEP = 1_000_003;
const WAIT_MS = 10_000;

answerCommands<ProberCommands>(async ({ ports, symbol }: ProberStart) => {
  const producer = new Producer(ports.grpc);
  const random = new SeededRandom(SEED);
  let quantity = QUANTITY_MIN;
  const encode = (event: MessageInitShape<typeof OrderEventSchema>): Buffer =>
    Buffer.from(toBinary(IngestRequestSchema, create(IngestRequestSchema, { symbol, events: [event] })));
  const added = { side: Side.BID, price: PRICE, quantity: BigInt(quantity) };
  await producer.send(encode({ action: OrderAction.ADD, orderId: ORDER_ID, ...added }));
  return {
    probe: async ({ transports, intervalMs, count, gapMs: [min, max] }) => {
      const consumers = await Promise.all(
        transports.map((transport) => openConsumer(transport, ports, { symbol, depth: 20, intervalMs })),
      );
      const acknowledged: number[] = [];
      const received: number[][] = consumers.map(() => []);
      for (let probe = 0; probe < count; probe++) {
        await sleep(min + random.unit() * (max - min));
        quantity += QUANTITY_STEP;
        const message = encode({
          action: OrderAction.UPDATE,
          orderId: ORDER_ID,
          quantity: BigInt(quantity),
        });
        const pattern = varint(quantity);
        const sentMs = performance.now();
        const ack = producer.send(message);
        const arrivals = consumers.map((consumer) => consumer.shows(pattern));
        const all = await withinTime(Promise.all([ack, ...arrivals]), `${transports.join(", ")} ${probe}`);
        acknowledged.push(all[0] - sentMs);
        for (const [at, times] of received.entries()) times.push(all[at + 1]! - sentMs);
      }
      for (const consumer of consumers) consumer.close();
      return { acknowledged, received };
    },
  };
});

async function openConsumer(
  transport: ProbeTransport,
  { grpc, http }: ProberStart["ports"],
  subscription: Wanted,
): Promise<Consumer> {
  const consumer = new Consumer();
  const first = consumer.shows(NOTHING);
  if (transport === "grpc") subscribeGrpc(consumer, grpc, subscription);
  else await subscribeWebSocket(consumer, http, subscription);
  await withinTime(first, `the first message on ${transport}`);
  return consumer;
}

type Wanted = { readonly symbol: string; readonly depth: number; readonly intervalMs: number };

class Producer {
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  #onAck: (atMs: number) => void = () => {};

  constructor(port: number) {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#call = client.makeBidiStreamRequest("/depthcast.v1.IngestService/IngestAcked", asIs, asIs);
    this.#call.on("data", () => this.#onAck(performance.now()));
    this.#call.on("error", fail);
  }

  /** Resolves with the time of the acknowledgement. */
  send(message: Buffer): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#onAck = resolve;
    this.#call.write(message);
    return promise;
  }
}

/** Looks for what it waits for in the bytes of each message, which costs next to nothing. */
class Consumer {
  close: () => void = () => {};
  #pattern: Buffer | undefined;
  #onShown: (atMs: number) => void = () => {};

  /** Resolves with the time at which a message that holds these bytes has arrived. */
  shows(pattern: Buffer): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#pattern = pattern;
    this.#onShown = resolve;
    return promise;
  }

  take(message: Buffer): void {
    const atMs = performance.now();
    if (this.#pattern === undefined || !message.includes(this.#pattern)) return;
    this.#pattern = undefined;
    this.#onShown(atMs);
  }
}

function subscribeGrpc(consumer: Consumer, port: number, subscription: Wanted): void {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const request = create(SubscribeRequestSchema, { subscriptions: [subscription] });
  const call = client.makeServerStreamRequest(
    "/depthcast.v1.MarketDataService/Subscribe",
    asIs,
    asIs,
    Buffer.from(toBinary(SubscribeRequestSchema, request)),
  );
  call.on("data", (message: Buffer) => consumer.take(message));
  call.on("error", fail);
  consumer.close = () => {
    call.off("error", fail);
    call.on("error", () => {});
    call.cancel();
    client.close();
  };
}

async function subscribeWebSocket(consumer: Consumer, port: number, subscription: Wanted): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, "depthcast.v1.proto");
  socket.on("message", (message: Buffer) => consumer.take(message));
  socket.on("error", fail);
  consumer.close = () => socket.terminate();
  await once(socket, "open");
  const request = create(WebSocketRequestSchema, { op: { case: "subscribe", value: subscription } });
  socket.send(toBinary(WebSocketRequestSchema, request));
}

const NOTHING = Buffer.alloc(0);

function asIs(message: Buffer): Buffer {
  return message;
}

function fail(failure: Error): never {
  throw failure;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
  }
  return Buffer.from(bytes);
}

/** @throws Error where it takes too long: an event that never shows is a wrong outcome, not a slow one. */
async function withinTime<T>(promise: Promise<T>, what: string): Promise<T> {
  const deadline = new AbortController();
  const late = sleep(WAIT_MS, undefined, { signal: deadline.signal }).then(() => {
    throw new Error(`${what}: not there after ${WAIT_MS} ms`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    deadline.abort();
    late.catch(() => {});
  }
}
