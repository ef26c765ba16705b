import { fromBinary } from "@bufbuild/protobuf";
import type { RejectReason } from "../../book/rejection.ts";
import type { OrderAction, Side } from "../../book/order-events.ts";
import {
  IngestAckedRequestSchema,
  type IngestAckedResponse,
} from "../../protocol/gen/depthcast/v1/ingest_pb.ts";
import type { OrderEvent } from "../../protocol/gen/depthcast/v1/types_pb.ts";
import type { ProducerEvent } from "../ingest-batch-writer.ts";
import type { KeptBatch } from "./kept-batches.ts";

/** An event that the server refused. It changed nothing, and stopped no later one. */
export interface RejectedEvent {
  readonly symbol: string;
  /** As it was written. */
  readonly event: ProducerEvent;
  readonly reason: RejectReason;
  /** The rule that it broke, in words for people. */
  readonly detail: string;
  readonly batchNumber: number;
  /** Its place in the batch, from 0. */
  readonly eventIndex: number;
}

/**
 * The refused events of a batch, read back from its bytes: nothing is kept of those that are accepted. A refusal of
 * an event that the batch does not have is left out.
 */
export function readRejectedEvents(batch: KeptBatch, { rejections }: IngestAckedResponse): RejectedEvent[] {
  const { symbol, number: batchNumber } = batch;
  const { events } = fromBinary(IngestAckedRequestSchema, batch.bytes);
  return rejections.flatMap(({ eventIndex, reason, detail }) => {
    const event = events[eventIndex];
    if (event === undefined) return [];
    return {
      symbol,
      event: readEvent(event),
      reason: reason as number as RejectReason,
      detail,
      batchNumber,
      eventIndex,
    };
  });
}

function readEvent({ action, orderId, orderKey, side, price, quantity }: OrderEvent): ProducerEvent {
  return {
    action: action as number as OrderAction,
    ...(orderId !== 0n && { orderId }),
    ...(orderKey !== "" && { orderKey }),
    ...(side !== 0 && { side: side as number as Side }),
    ...(price !== undefined && { price: Number(price) }),
    ...(quantity !== undefined && { quantity: Number(quantity) }),
  };
}
