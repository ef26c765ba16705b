import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { OrderAction, type OrderEventColumns, type Side } from "../../src/book/order-events.ts";
import { IngestRequestSchema } from "../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import type { OrderEventSchema } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";

/** One of the flow's batches as the bytes of an IngestRequest. */
export function protoBatch(symbol: string, batch: OrderEventColumns): Buffer {
  const events = Array.from(
    { length: batch.length },
    (_, index): MessageInitShape<typeof OrderEventSchema> => {
      const action = batch.action[index]!;
      const orderId = (BigInt(batch.orderIdHigh[index]!) << 32n) | BigInt(batch.orderIdLow[index]! >>> 0);
      const quantity = action === OrderAction.delete ? {} : { quantity: BigInt(batch.quantity[index]!) };
      const price = action === OrderAction.add ? { price: BigInt(batch.price[index]!) } : {};
      return {
        action: action as OrderAction,
        orderId,
        side: batch.side[index]! as Side,
        ...price,
        ...quantity,
      };
    },
  );
  return Buffer.from(toBinary(IngestRequestSchema, create(IngestRequestSchema, { symbol, events })));
}
