import { invariant } from "../errors.ts";
import { BOARD_LEVELS_MIN, LIMITS } from "../limits.ts";

/** Capacities that a slot can have: BOARD_LEVELS_MIN and its doublings, up to the deepest subscription. */
const CLASSES = capacityClass(LIMITS.depthMax.max) + 1;

/** Levels a side of a slot that has room for `depth`. */
export function slotCapacity(depth: number): number {
  return BOARD_LEVELS_MIN << capacityClass(depth);
}

/** Who has asked for how much depth of one instrument: counted, so that each claim is released by itself. */
export class DepthClaims {
  readonly #counts: Uint32Array;

  constructor(readers: number) {
    this.#counts = new Uint32Array(readers * CLASSES);
  }

  add(reader: number, depth: number): void {
    const index = indexOf(reader, depth);
    this.#counts[index] = this.#counts[index]! + 1;
  }

  remove(reader: number, depth: number): void {
    const index = indexOf(reader, depth);
    invariant(this.#counts[index]! > 0, "only a claimed depth is released");
    this.#counts[index] = this.#counts[index]! - 1;
  }

  removeAll(reader: number): void {
    this.#counts.fill(0, reader * CLASSES, (reader + 1) * CLASSES);
  }

  /** The capacity that the claims need. */
  capacity(): number {
    for (let level = CLASSES - 1; level > 0; level -= 1) {
      for (let index = level; index < this.#counts.length; index += CLASSES) {
        if (this.#counts[index]! > 0) return BOARD_LEVELS_MIN << level;
      }
    }
    return BOARD_LEVELS_MIN;
  }
}

function indexOf(reader: number, depth: number): number {
  const level = capacityClass(depth);
  invariant(level < CLASSES, "a claim is within the largest depth");
  return reader * CLASSES + level;
}

function capacityClass(depth: number): number {
  let level = 0;
  while (BOARD_LEVELS_MIN << level < depth) level += 1;
  return level;
}
