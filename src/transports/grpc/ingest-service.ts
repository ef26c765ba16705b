import type { IngestPort } from "../../engine/ingest-port.ts";
import type { Clock } from "../../clock.ts";
import { type Limits, PRODUCER_ID_BYTES_MAX } from "../../limits.ts";
import { type IngestService } from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import { decodeInstrument, encodeInstrument } from "../../protocol/instrument-codec.ts";
import { refusedField } from "../../protocol/subscription.ts";
import { AckWriter } from "./ack-writer.ts";
import { type AnswerSink, BatchIntake } from "./batch-intake.ts";
import type { GrpcMetrics } from "./grpc-metrics.ts";
import { IngestSummary } from "./ingest-summary.ts";
import type { RequestReader } from "./request-reader.ts";
import type { CallContext, ServiceHandlers } from "./service-adapter.ts";

export interface IngestDeps {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly ingest: IngestPort;
  readonly metrics: GrpcMetrics;
  /** Live streams, which a stopping server ends. */
  readonly intakes: Set<BatchIntake>;
}

/** The RPCs of PROTOCOL section 3. */
export function ingestHandlers(deps: IngestDeps): ServiceHandlers<typeof IngestService> {
  const { ingest, limits } = deps;
  return {
    defineInstrument: async ({ instrument }) => ({
      instrument: encodeInstrument(await ingest.define(decodeInstrument(instrument, limits))),
    }),
    getProducerPosition: async ({ producerId }) => ({
      lastBatchNumber: BigInt(await ingest.producerPosition(checkedProducer(producerId))),
    }),
    ingest: async (requests, call) => {
      const summary = new IngestSummary();
      await takeBatches(deps, requests, call, summary);
      return summary.response();
    },
    ingestAcked: async (requests, responses, call) => {
      const acks = new AckWriter(responses);
      try {
        await takeBatches(deps, requests, call, acks);
      } finally {
        acks.flush();
      }
    },
  };
}

async function takeBatches(
  deps: IngestDeps,
  requests: RequestReader,
  call: CallContext,
  answers: AnswerSink,
): Promise<void> {
  const { ingest, limits, clock, metrics, intakes } = deps;
  const intake = new BatchIntake({ ingest, limits, clock, requests, answers, metrics: metrics.ingest });
  intakes.add(intake);
  const abandon = () => intake.abandon();
  call.signal.addEventListener("abort", abandon, { once: true });
  try {
    await intake.run();
  } finally {
    intakes.delete(intake);
    call.signal.removeEventListener("abort", abandon);
  }
}

function checkedProducer(producerId: string): string {
  if (producerId === "") throw refusedField("producer_id", "must be set");
  if (Buffer.byteLength(producerId) > PRODUCER_ID_BYTES_MAX) {
    throw refusedField("producer_id", `must have at most ${PRODUCER_ID_BYTES_MAX} bytes`);
  }
  return producerId;
}
