/** A measured cost at a size. */
export interface CostPoint {
  readonly size: number;
  readonly cost: number;
}

export interface Line {
  /** Cost at size 0. */
  readonly base: number;
  /** Cost of one more. */
  readonly slope: number;
  /** Share of the variance that the line explains; 1 = all points are on it. */
  readonly r2: number;
  /** Slope between the last two points over the slope of all before: well over 1 = it grows faster than the size. */
  readonly bend: number;
}

/** The least-squares line through points, which are in the order of their sizes. */
export function fitLine(points: readonly CostPoint[]): Line {
  const meanSize = mean(points.map(({ size }) => size));
  const meanCost = mean(points.map(({ cost }) => cost));
  const sum = (of: (point: CostPoint) => number): number =>
    points.reduce((total, point) => total + of(point), 0);
  const slope =
    sum(({ size, cost }) => (size - meanSize) * (cost - meanCost)) /
    sum(({ size }) => (size - meanSize) ** 2);
  const base = meanCost - slope * meanSize;
  const unexplained = sum(({ size, cost }) => (cost - base - slope * size) ** 2);
  const r2 = 1 - unexplained / sum(({ cost }) => (cost - meanCost) ** 2);
  return {
    base,
    slope,
    r2,
    bend: slopeBetween(points.at(-2)!, points.at(-1)!) / slopeBetween(points[0]!, points.at(-2)!),
  };
}

function slopeBetween(from: CostPoint, to: CostPoint): number {
  return (to.cost - from.cost) / (to.size - from.size);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
