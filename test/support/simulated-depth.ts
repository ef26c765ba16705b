import { crc32 } from "node:zlib";
import { BookState, type Depth, type DepthSide, createDepth } from "../../src/book/depth.ts";

/** A level of the simulation: quantity and order count. */
export type SimulatedLevel = readonly [quantity: number, orderCount: number];
export type SimulatedSide = Map<number, SimulatedLevel>;
export interface SimulatedBook {
  bids: SimulatedSide;
  asks: SimulatedSide;
}

/** The best `levels` of a simulated book, in a Depth of its own. */
export function depthOf(book: SimulatedBook, sequence: number, levels: number): Depth {
  const depth = createDepth(levels);
  depth.sequence = sequence;
  depth.sourceTimeLow = sequence;
  fill(
    depth.bids,
    sorted(book.bids, (a, b) => b - a),
    levels,
  );
  fill(
    depth.asks,
    sorted(book.asks, (a, b) => a - b),
    levels,
  );
  depth.state = stateOf(depth);
  return depth;
}

/** The levels of one side as a consumer would hold them. */
export function levelsOf(side: Readonly<DepthSide>): SimulatedSide {
  const levels: SimulatedSide = new Map();
  for (let index = 0; index < side.length; index += 1) {
    levels.set(side.price[index]!, [side.quantity[index]!, side.orderCount[index]!]);
  }
  return levels;
}

/** The checksum of a whole book by zlib, from scratch. */
export function zlibChecksum(book: SimulatedBook): number {
  let sum = 0;
  for (const [side, levels] of [
    [1, book.bids],
    [2, book.asks],
  ] as const) {
    for (const [price, [quantity]] of levels) {
      const bytes = Buffer.alloc(17);
      bytes.writeUInt8(side, 0);
      bytes.writeBigInt64LE(BigInt(price), 1);
      bytes.writeBigInt64LE(BigInt(quantity), 9);
      sum = (sum + crc32(bytes)) % 0x1_0000_0000;
    }
  }
  return sum;
}

function sorted(side: SimulatedSide, compare: (a: number, b: number) => number): [number, SimulatedLevel][] {
  return [...side].toSorted(([a], [b]) => compare(a, b));
}

function fill(side: DepthSide, levels: readonly [number, SimulatedLevel][], levelsMax: number): void {
  side.length = Math.min(levels.length, levelsMax);
  for (let index = 0; index < side.length; index += 1) {
    const [price, [quantity, orderCount]] = levels[index]!;
    side.price[index] = price;
    side.quantity[index] = quantity;
    side.orderCount[index] = orderCount;
  }
}

function stateOf(depth: Depth): BookState {
  if (depth.bids.length === 0 || depth.asks.length === 0) return BookState.open;
  const spread = depth.asks.price[0]! - depth.bids.price[0]!;
  if (spread > 0) return BookState.open;
  return spread === 0 ? BookState.locked : BookState.crossed;
}
