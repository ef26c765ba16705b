import type { BookState, Depth, DepthSide } from "../../src/book/depth.ts";

/**
 * A depth in which every number follows from the sequence, so that a copy with a number of another
 * publication in it is found out. Prices are in strict order, and the order counts are a checksum that runs
 * through all levels above: so there is one for a copy of any depth.
 */
export function fillPattern(depth: Depth, sequence: number, capacity: number): void {
  depth.sequence = sequence;
  depth.state = ((sequence % 3) + 1) as BookState;
  depth.sourceTimeLow = sequence;
  depth.sourceTimeHigh = -sequence;
  depth.bids.length = patternLength(sequence, capacity);
  depth.asks.length = patternLength(sequence + 7, capacity);
  let checksum = sequence;
  for (let level = 0; level < depth.bids.length; level += 1) {
    depth.bids.price[level] = sequence - level;
    depth.bids.quantity[level] = sequence * 8 + (level % 8);
    checksum = runningChecksum(checksum, depth.bids, level);
    depth.bids.orderCount[level] = checksum;
  }
  checksum = -sequence;
  for (let level = 0; level < depth.asks.length; level += 1) {
    depth.asks.price[level] = sequence + level;
    depth.asks.quantity[level] = sequence * 16 + (level % 16);
    checksum = runningChecksum(checksum, depth.asks, level);
    depth.asks.orderCount[level] = checksum;
  }
}

/** Whether a copy of at most `levels` is exactly what `fillPattern` published at its sequence. */
export function isPattern(depth: Depth, levels: number, capacity: number): boolean {
  const { sequence, bids, asks } = depth;
  if (depth.state !== (sequence % 3) + 1) return false;
  if (depth.sourceTimeLow !== sequence || depth.sourceTimeHigh !== -sequence) return false;
  if (bids.length !== Math.min(levels, patternLength(sequence, capacity))) return false;
  if (asks.length !== Math.min(levels, patternLength(sequence + 7, capacity))) return false;
  let checksum = sequence;
  for (let level = 0; level < bids.length; level += 1) {
    if (bids.price[level] !== sequence - level) return false;
    if (bids.quantity[level] !== sequence * 8 + (level % 8)) return false;
    checksum = runningChecksum(checksum, bids, level);
    if (bids.orderCount[level] !== checksum >>> 0) return false;
  }
  checksum = -sequence;
  for (let level = 0; level < asks.length; level += 1) {
    if (asks.price[level] !== sequence + level) return false;
    if (asks.quantity[level] !== sequence * 16 + (level % 16)) return false;
    checksum = runningChecksum(checksum, asks, level);
    if (asks.orderCount[level] !== checksum >>> 0) return false;
  }
  return true;
}

function runningChecksum(checksum: number, side: DepthSide, level: number): number {
  return Math.imul(checksum ^ side.price[level]!, 0x9e3779b1) + Math.imul(side.quantity[level]!, 0x85ebca6b);
}

/** From two thirds of the capacity up to all of it. */
function patternLength(sequence: number, capacity: number): number {
  const varying = Math.floor(capacity / 3);
  return capacity - (sequence % (varying + 1));
}
