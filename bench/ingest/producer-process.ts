import { fromBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import type { OrderEventColumns } from "../../src/book/order-events.ts";
import { IngestAckedResponseSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import { createBatches } from "../flows/batches.ts";
import type { Flow } from "../flows/flow.ts";
import { createFlow } from "../flows/flows.ts";
import { protoBatch } from "../flows/proto-batch.ts";
import { answerCommands } from "../support/child-process.ts";
import { processCpuSeconds, wallSeconds } from "../support/wall-clock.ts";

/** One producer: flow R, encoded before the clock starts, sent as fast as it is acknowledged. */

export interface ProducerStart {
  readonly grpcPort: number;
  readonly symbol: string;
  readonly batchEvents: number;
  readonly smoke: boolean;
}

export interface ProducerCommands {
  /** Sends so many batches and waits for their acknowledgements. */
  send(batches: number): Promise<ProducerRound>;
  /** The same with so many under way, and tells when each was acknowledged. */
  time(order: { readonly batches: number; readonly inFlight: number }): Promise<TimedRound>;
}

export interface ProducerRound {
  readonly events: number;
  /** As the server counted them; 0 where it does not count. */
  readonly accepted: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export interface TimedRound {
  readonly events: number;
  readonly wallSeconds: number;
  /** From the sending of each batch to its acknowledgement. */
  readonly ackMs: readonly number[];
}

/** Batches sent and not acknowledged: enough that the server always has work. */
const BATCHES_IN_FLIGHT_MAX = 256;

answerCommands<ProducerCommands>(async ({ grpcPort, symbol, batchEvents, smoke }: ProducerStart) => {
  const producer = new Producer(grpcPort);
  const flow: Flow = createFlow("R", smoke);
  const encode = (batch: OrderEventColumns): Buffer => protoBatch(symbol, batch);
  await producer.send(flow.prefill().map(encode));
  const prepare = (count: number): Buffer[] => {
    const batches = createBatches(count * batchEvents, batchEvents);
    flow.fill(batches);
    return batches.map(encode);
  };
  return {
    time: async ({ batches, inFlight }) => {
      const messages = prepare(batches);
      const ackMs: number[] = [];
      const wallBefore = wallSeconds();
      await producer.send(messages, inFlight, ackMs);
      return { events: batches * batchEvents, wallSeconds: wallSeconds() - wallBefore, ackMs };
    },
    send: async (count) => {
      const messages = prepare(count);
      const [wallBefore, cpuBefore] = [wallSeconds(), processCpuSeconds()];
      const acks = await producer.send(messages);
      return {
        wallSeconds: wallSeconds() - wallBefore,
        cpuSeconds: processCpuSeconds() - cpuBefore,
        events: count * batchEvents,
        accepted: countAccepted(acks),
      };
    },
  };
});

class Producer {
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  #onAck: (ack: Buffer) => void = () => {};
  #onDrain: () => void = () => {};

  constructor(port: number) {
    const bytes = (message: Buffer): Buffer => message;
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    this.#call = client.makeBidiStreamRequest("/depthcast.v1.IngestService/IngestAcked", bytes, bytes);
    this.#call.on("data", (ack: Buffer) => this.#onAck(ack));
    this.#call.on("drain", () => this.#onDrain());
    this.#call.on("error", (failure) => {
      throw failure;
    });
  }

  /** Resolves with the acknowledgements of all; `ackMs` is told how long each took. */
  send(
    messages: readonly Buffer[],
    inFlightMax = BATCHES_IN_FLIGHT_MAX,
    ackMs?: number[],
  ): Promise<Buffer[]> {
    const acks: Buffer[] = [];
    let sent = 0;
    let hasRoom = true;
    const { promise, resolve } = Promise.withResolvers<Buffer[]>();
    const pump = (): void => {
      while (hasRoom && sent < messages.length && sent - acks.length < inFlightMax) {
        if (ackMs !== undefined) ackMs[sent] = performance.now();
        hasRoom = this.#call.write(messages[sent]!);
        sent += 1;
      }
    };
    this.#onDrain = () => {
      hasRoom = true;
      pump();
    };
    this.#onAck = (ack) => {
      if (ackMs !== undefined) ackMs[acks.length] = performance.now() - ackMs[acks.length]!;
      acks.push(ack);
      if (acks.length === messages.length) resolve(acks);
      else pump();
    };
    pump();
    return promise;
  }
}

function countAccepted(acks: readonly Buffer[]): number {
  let accepted = 0;
  for (const ack of acks) {
    // The bare server answers zeros, which are no message.
    if (ack[0] === 0) return 0;
    accepted += Number(fromBinary(IngestAckedResponseSchema, ack).acceptedEvents);
  }
  return accepted;
}
