import { setTimeout as sleep } from "node:timers/promises";
import { GrpcClient, IngestStream, OrderAction, Side } from "../../src/client/index.ts";
import { MID_PRICE } from "../flows/flow-orders.ts";
import { answerCommands } from "../support/child-process.ts";
import { SeededRandom } from "../support/random.ts";
import { wallSeconds } from "../support/wall-clock.ts";

/** Changes the best levels of several books, over the real ingest. */

export interface FeederStart {
  readonly grpcPort: number;
  readonly symbols: readonly string[];
  /** Between two changes of each book; 0 = as soon as the last ones are acknowledged. */
  readonly intervalMs: number;
}

export interface FeederCommands {
  feed(seconds: number): Promise<void>;
  /** Changes as fast as they are acknowledged, until the server's code on the way is compiled. */
  warmUp(): Promise<void>;
}

const LEVELS_PER_SIDE = 25;
/** Levels of each book that change at a time: an update of about 200 bytes. */
const CHANGED_LEVELS = 14;
const SEED = 11;
/** Enough for the compiler of the machine's code; at 50 ms it would take them minutes to come in. */
const WARM_UP_CHANGES = 2000;

answerCommands<FeederCommands>(async ({ grpcPort, symbols, intervalMs }: FeederStart) => {
  const random = new SeededRandom(SEED);
  const stream = await IngestStream.open(new GrpcClient(`127.0.0.1:${grpcPort}`));
  for (const symbol of symbols) {
    for (let level = 0; level < LEVELS_PER_SIDE * 2; level++) {
      const isBid = level < LEVELS_PER_SIDE;
      const distance = 1 + (level % LEVELS_PER_SIDE);
      const price = isBid ? MID_PRICE - distance : MID_PRICE + distance;
      await stream.write(symbol, {
        action: OrderAction.add,
        orderId: BigInt(level + 1),
        side: isBid ? Side.bid : Side.ask,
        price,
        quantity: 1_000_000,
      });
    }
  }
  await stream.settle();
  const change = async (): Promise<void> => {
    for (const symbol of symbols) {
      // Seven from each side, among the best 20.
      for (let changed = 0; changed < CHANGED_LEVELS; changed++) {
        const first = changed % 2 === 0 ? 1 : LEVELS_PER_SIDE + 1;
        const orderId = BigInt(first + changed);
        const quantity = 1_000_000 + random.below(1_000_000);
        await stream.write(symbol, { action: OrderAction.update, orderId, quantity });
      }
    }
    await stream.settle();
  };
  return {
    warmUp: async () => {
      for (let changes = 0; changes < WARM_UP_CHANGES; changes += symbols.length) await change();
    },
    feed: async (seconds) => {
      const end = wallSeconds() + seconds;
      while (wallSeconds() < end) {
        const next = wallSeconds() + intervalMs / 1000;
        await change();
        const restMs = (next - wallSeconds()) * 1000;
        if (restMs > 0) await sleep(restMs);
      }
    },
  };
});
