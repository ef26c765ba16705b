import type { Clock, Timer } from "../clock.ts";
import { BOARD_LEVELS_MIN } from "../limits.ts";
import { slotCapacity } from "./depth-claims.ts";

/** How a thread asks the engine's for more depth; answered once the board holds it. */
export interface DepthRequests {
  /** False = over the board's budget. */
  claim(instrument: number, levels: number): Promise<boolean>;
  release(instrument: number, levels: number): void;
}

/** How long depth that nobody uses is kept, so that single reads do not make the board grow and shrink. */
const LINGER_MS = 10_000;

interface HeldClaim {
  readonly instrument: number;
  readonly capacity: number;
  readonly granted: Promise<boolean>;
  users: number;
  unusedSinceMs: number;
}

/**
 * The depth that one thread has claimed on the board: one claim for each instrument and slot capacity,
 * however many views and reads share it. What every slot holds anyway needs none.
 */
export class ReaderClaims {
  readonly #clock: Clock;
  readonly #requests: DepthRequests;
  readonly #held = new Map<string, HeldClaim>();
  /** Claims without users, longest unused first. */
  readonly #unused = new Set<HeldClaim>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, requests: DepthRequests) {
    this.#clock = clock;
    this.#requests = requests;
  }

  /** False = over the board's budget, and nothing is held. Each true is followed by one `release`. */
  async claim(instrument: number, levels: number): Promise<boolean> {
    if (levels <= BOARD_LEVELS_MIN) return true;
    if (await this.#join(instrument, levels)) return true;
    // What only lingers must not stand in the way; somebody refused together with us may have seen to that.
    const isAskedAnew = this.#held.has(keyOf(instrument, slotCapacity(levels)));
    if (this.#unused.size === 0 && !isAskedAnew) return false;
    this.#giveBack(() => true);
    return this.#join(instrument, levels);
  }

  release(instrument: number, levels: number): void {
    if (levels <= BOARD_LEVELS_MIN) return;
    const held = this.#held.get(keyOf(instrument, slotCapacity(levels)));
    if (held !== undefined) this.#leave(held);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #join(instrument: number, levels: number): Promise<boolean> {
    const capacity = slotCapacity(levels);
    const key = keyOf(instrument, capacity);
    let held = this.#held.get(key);
    if (held === undefined) {
      const granted = this.#requests.claim(instrument, capacity);
      held = { instrument, capacity, granted, users: 0, unusedSinceMs: 0 };
      this.#held.set(key, held);
    }
    held.users += 1;
    this.#unused.delete(held);
    let isGranted = false;
    try {
      isGranted = await held.granted;
    } finally {
      // Refused, or not even answered: the next one asks anew.
      if (!isGranted && this.#held.get(key) === held) this.#held.delete(key);
    }
    return isGranted;
  }

  #leave(held: HeldClaim): void {
    held.users -= 1;
    if (held.users > 0) return;
    held.unusedSinceMs = this.#clock.nowMs();
    this.#unused.add(held);
    this.#watch();
  }

  #giveBack(isDue: (held: HeldClaim) => boolean): void {
    for (const held of this.#unused) {
      if (!isDue(held)) return;
      this.#unused.delete(held);
      this.#held.delete(keyOf(held.instrument, held.capacity));
      this.#requests.release(held.instrument, held.capacity);
    }
  }

  #watch(): void {
    const [oldest] = this.#unused;
    if (this.#timer !== undefined || this.#stopped || oldest === undefined) return;
    const dueMs = oldest.unusedSinceMs + LINGER_MS;
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      this.#timer = undefined;
      const expiredMs = this.#clock.nowMs() - LINGER_MS;
      this.#giveBack((held) => held.unusedSinceMs <= expiredMs);
      this.#watch();
    });
  }
}

function keyOf(instrument: number, capacity: number): string {
  return `${instrument}/${capacity}`;
}
