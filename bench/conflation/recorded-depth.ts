import { BookState, createDepth, type Depth, type DepthSide } from "../../src/book/depth.ts";
import { Side } from "../../src/book/order-events.ts";
import { DepthcastBook } from "../book/depthcast-book.ts";
import { createBatches } from "../flows/batches.ts";
import { MID_PRICE } from "../flows/flow-orders.ts";
import { createFlow } from "../flows/flows.ts";
import { SeededRandom } from "../support/random.ts";

/** The states of a book's best levels at the end of each interval, made before anything is measured. */
export const MARKETS = {
  /** Flow R: the mid stands still, so that the same few prices change again and again. */
  still: recordFlow,
  /** The mid walks, so that levels come into the window and leave it, as in a market. */
  walking: recordWalk,
} as const;
export type Market = keyof typeof MARKETS;

/** Events of flow R between two states: 4,000 a second where an interval is 50 ms. */
const FLOW_EVENTS = 200;
const WALK_SEED = 5;
/** Ticks that the mid moves at most in an interval: a tenth of what BTC-USD moves in cents in 50 ms. */
const WALK_STEP_MAX = 10;
/** Levels near the mid that change in an interval besides, and how near. */
const WALK_CHANGES = 14;
const WALK_SPREAD = 40;
/** Ticks of each side that have a level. */
const LEVEL_SHARE = 0.7;

function recordFlow(intervals: number, levels: number, smoke: boolean): Depth[] {
  const flow = createFlow("R", smoke);
  const contender = new DepthcastBook();
  contender.load(flow.prefill());
  const batches = createBatches(FLOW_EVENTS, FLOW_EVENTS);
  return Array.from({ length: intervals }, () => {
    flow.fill(batches);
    contender.apply(batches);
    return copyTop(contender, levels);
  });
}

function copyTop({ book }: DepthcastBook, levels: number): Depth {
  const depth = createDepth(levels);
  depth.sequence = book.sequence;
  depth.state = book.state();
  for (const [side, columns] of [
    [Side.bid, depth.bids],
    [Side.ask, depth.asks],
  ] as const) {
    columns.length = book.copyTop(side, levels, columns.price, columns.quantity, columns.orderCount);
  }
  return depth;
}

/** Quantities stay at their price while the mid moves; what it crosses becomes the other side anew. */
function recordWalk(intervals: number, levels: number): Depth[] {
  const random = new SeededRandom(WALK_SEED);
  const quantities = new Map<number, number>();
  const draw = (): number => (random.unit() < LEVEL_SHARE ? 1 + random.below(5000) : 0);
  const at = (price: number): number => {
    let quantity = quantities.get(price);
    if (quantity === undefined) quantities.set(price, (quantity = draw()));
    return quantity;
  };
  let mid = MID_PRICE;
  return Array.from({ length: intervals }, (_, interval) => {
    const step = random.below(2 * WALK_STEP_MAX + 1) - WALK_STEP_MAX;
    for (let crossed = 0; crossed <= Math.abs(step); crossed++) {
      quantities.delete(mid + Math.sign(step) * crossed);
    }
    mid += step;
    for (let change = 0; change < WALK_CHANGES; change++) {
      quantities.set(mid - WALK_SPREAD + random.below(2 * WALK_SPREAD), draw());
    }
    const depth = createDepth(levels);
    depth.sequence = (interval + 1) * FLOW_EVENTS;
    depth.state = BookState.open;
    fillSide(depth.bids, levels, (distance) => mid - 1 - distance, at);
    fillSide(depth.asks, levels, (distance) => mid + distance, at);
    return depth;
  });
}

function fillSide(
  side: DepthSide,
  levels: number,
  priceAt: (distance: number) => number,
  quantityAt: (price: number) => number,
): void {
  side.length = levels;
  let length = 0;
  for (let distance = 0; length < levels; distance++) {
    const price = priceAt(distance);
    const quantity = quantityAt(price);
    if (quantity === 0) continue;
    side.price[length] = price;
    side.quantity[length] = quantity;
    side.orderCount[length] = 1 + (quantity % 7);
    length += 1;
  }
}
