import { fromBinary } from "@bufbuild/protobuf";
import type { OrderEventColumns } from "../../src/book/order-events.ts";
import { createLimits } from "../../src/limits.ts";
import { IngestRequestSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import { decodeIngestRequest } from "../../src/protocol/ingest-decoder.ts";
import { createBatches } from "../flows/batches.ts";
import { createFlow } from "../flows/flows.ts";
import { protoBatch } from "../flows/proto-batch.ts";
import { expectOutcome } from "../support/benchmark.ts";
import type { Contestant } from "../support/turns.ts";

export const DECODED_BATCHES = [1, 100, 1000];

/** Different batches, so that the processor does not learn one by heart. */
const BATCHES = 64;
const SYMBOL = "BTC-USD";

/** Decoders of the same batches of `events` events. */
export function batchDecoders(events: number): (Contestant & { readonly bytes: number })[] {
  const flow = createFlow("R", true);
  flow.prefill();
  const batches = createBatches(events * BATCHES, events);
  flow.fill(batches);
  const proto = batches.map((batch) => protoBatch(SYMBOL, batch));
  const json = batches.map((batch) => Buffer.from(jsonBatch(batch)));
  const limits = createLimits();
  checkDecoded(decodeIngestRequest(proto[0]!, limits).events, batches[0]!);
  const units = events * BATCHES;
  let sink = 0;
  return [
    {
      name: "depthcast",
      units,
      bytes: proto[0]!.byteLength,
      work: () => {
        for (const bytes of proto) sink += decodeIngestRequest(bytes, limits).events.length;
      },
    },
    {
      name: "protobuf-es",
      units,
      bytes: proto[0]!.byteLength,
      work: () => {
        for (const bytes of proto) sink += fromBinary(IngestRequestSchema, bytes).events.length;
      },
    },
    {
      name: "JSON",
      units,
      bytes: json[0]!.byteLength,
      work: () => {
        for (const bytes of json) sink += parseJson(bytes);
      },
    },
  ];
}

function jsonBatch(batch: OrderEventColumns): string {
  const events = Array.from({ length: batch.length }, (_, index) => ({
    action: batch.action[index]!,
    orderId: String((BigInt(batch.orderIdHigh[index]!) << 32n) | BigInt(batch.orderIdLow[index]! >>> 0)),
    side: batch.side[index]!,
    price: (batch.price[index]! / 100).toFixed(2),
    quantity: String(batch.quantity[index]!),
  }));
  return JSON.stringify({ symbol: SYMBOL, events });
}

/** What a server in JSON cannot do without: the text parsed, and its decimals turned into numbers. */
function parseJson(bytes: Buffer): number {
  const { events } = JSON.parse(bytes.toString("utf8")) as { events: { price: string; quantity: string }[] };
  let sum = 0;
  for (const { price, quantity } of events) sum += Math.round(Number(price) * 100) + Number(quantity);
  return sum;
}

function checkDecoded(decoded: OrderEventColumns, batch: OrderEventColumns): void {
  for (let index = 0; index < batch.length; index++) {
    const same =
      decoded.action[index] === batch.action[index] &&
      decoded.orderIdLow[index] === batch.orderIdLow[index] &&
      decoded.orderIdHigh[index] === batch.orderIdHigh[index] &&
      decoded.price[index] === batch.price[index] &&
      decoded.quantity[index] === batch.quantity[index];
    expectOutcome(same, `event ${index} is decoded as something else`);
  }
}
