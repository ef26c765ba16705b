import type { BookState, Depth } from "../../src/book/depth.ts";

/**
 * A depth in which every number follows from the sequence, so that a copy with a number of another
 * publication in it is found out.
 */
export function fillPattern(depth: Depth, sequence: number, capacity: number): void {
  depth.sequence = sequence;
  depth.state = ((sequence % 3) + 1) as BookState;
  depth.sourceTimeLow = sequence;
  depth.sourceTimeHigh = -sequence;
  depth.bids.length = patternLength(sequence, capacity);
  depth.asks.length = patternLength(sequence + 7, capacity);
  for (let level = 0; level < depth.bids.length; level += 1) {
    depth.bids.price[level] = sequence - level;
    depth.bids.quantity[level] = sequence * 8 + (level % 8);
    depth.bids.orderCount[level] = sequence + level;
  }
  for (let level = 0; level < depth.asks.length; level += 1) {
    depth.asks.price[level] = sequence + level;
    depth.asks.quantity[level] = sequence * 16 + (level % 16);
    depth.asks.orderCount[level] = sequence - level;
  }
}

/** Whether a copy of at most `levels` is exactly what `fillPattern` published at its sequence. */
export function isPattern(depth: Depth, levels: number, capacity: number): boolean {
  const { sequence, bids, asks } = depth;
  if (depth.state !== (sequence % 3) + 1) return false;
  if (depth.sourceTimeLow !== sequence || depth.sourceTimeHigh !== -sequence) return false;
  if (bids.length !== Math.min(levels, patternLength(sequence, capacity))) return false;
  if (asks.length !== Math.min(levels, patternLength(sequence + 7, capacity))) return false;
  for (let level = 0; level < bids.length; level += 1) {
    if (bids.price[level] !== sequence - level) return false;
    if (bids.quantity[level] !== sequence * 8 + (level % 8)) return false;
    if (bids.orderCount[level] !== (sequence + level) >>> 0) return false;
  }
  for (let level = 0; level < asks.length; level += 1) {
    if (asks.price[level] !== sequence + level) return false;
    if (asks.quantity[level] !== sequence * 16 + (level % 16)) return false;
    if (asks.orderCount[level] !== (sequence - level) >>> 0) return false;
  }
  return true;
}

/** From two thirds of the capacity up to all of it. */
function patternLength(sequence: number, capacity: number): number {
  const varying = Math.floor(capacity / 3);
  return capacity - (sequence % (varying + 1));
}
