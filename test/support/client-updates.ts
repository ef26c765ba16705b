import { crc32 } from "node:zlib";
import { CrossPolicy } from "../../src/book/instrument.ts";
import type { PriceLevel, SubscribedUpdate } from "../../src/client/market-update.ts";
import { testInstrument } from "./flow-rig.ts";

/** What updates of one view have in common, as a connection of the client gives them. */
export const VIEW = { viewId: 7, symbol: "X" };
export const TIMES = { sourceTimeUnixNanos: 0n, publishTimeUnixNanos: 1n };

export const subscribed: SubscribedUpdate = {
  type: "subscribed",
  ...VIEW,
  id: "s1",
  instrument: testInstrument("X", { crossPolicy: CrossPolicy.flag }),
  depth: 5,
  intervalMs: 50,
  heartbeatIntervalMs: 1000,
  resumed: false,
};

/** The checksum from PROTOCOL section 4, by zlib. */
export function checksumOf(bids: readonly PriceLevel[], asks: readonly PriceLevel[]): number {
  const message = Buffer.alloc(17);
  let sum = 0;
  for (const [side, window] of [
    [1, bids],
    [2, asks],
  ] as const) {
    for (const { price, quantity } of window) {
      message.writeUInt8(side, 0);
      message.writeBigInt64LE(BigInt(price), 1);
      message.writeBigInt64LE(BigInt(quantity), 9);
      sum = (sum + crc32(message)) % 2 ** 32;
    }
  }
  return sum;
}

/** Price and quantity of each. */
export function levels(...pairs: readonly (readonly [number, number])[]): PriceLevel[] {
  return pairs.map(([price, quantity]) => ({ price, quantity, orderCount: quantity === 0 ? 0 : 1 }));
}
