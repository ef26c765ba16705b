import { create, type MessageShape } from "@bufbuild/protobuf";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { BookState } from "../../src/protocol/gen/depthcast/v1/types_pb.ts";
import { MID_PRICE } from "../flows/flow-orders.ts";

const LEVELS_PER_SIDE = 7;

/** An update as depthcast sends it here: 14 levels, about 220 bytes. `number` makes each another. */
export function updateMessage(number: number): MessageShape<typeof SubscribeResponseSchema> {
  const levels = (direction: number) =>
    Array.from({ length: LEVELS_PER_SIDE }, (_, index) => ({
      price: BigInt(MID_PRICE + direction * (index + 1)),
      quantity: BigInt(1_000_000 + ((number * 7919 + index * 104_729) % 1_000_000)),
      orderCount: 1,
    }));
  return create(SubscribeResponseSchema, {
    updates: [
      {
        viewId: 123_456,
        symbol: "SYM-1",
        event: {
          case: "delta",
          value: {
            prevSequence: BigInt(number * LEVELS_PER_SIDE * 2),
            sequence: BigInt((number + 1) * LEVELS_PER_SIDE * 2),
            bids: levels(-1),
            asks: levels(1),
            checksum: 4_149_067_604,
            state: BookState.OPEN,
            publishTimeUnixNanos: 1_763_800_000_050_000_000n,
            mergedIntervals: 1,
          },
        },
      },
    ],
  });
}
