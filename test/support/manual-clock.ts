import type { Clock, Timer } from "../../src/clock.ts";

interface WaitingTimer {
  readonly dueNanos: bigint;
  readonly order: number;
  readonly task: () => void;
}

/**
 * A clock that stands still until a test advances it. The time is kept in a SharedArrayBuffer, so that
 * threads can share it; each thread has its own timers and runs them with `runDue`.
 */
export class ManualClock implements Clock {
  /** Nanoseconds since the clock was made. */
  readonly #time: BigInt64Array;
  readonly #waiting = new Set<WaitingTimer>();
  #order = 0;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.#time = new BigInt64Array(buffer);
  }

  get buffer(): SharedArrayBuffer {
    return this.#time.buffer as SharedArrayBuffer;
  }

  /** Timers that have not run. */
  get waiting(): number {
    return this.#waiting.size;
  }

  nowMs(): number {
    return Number(Atomics.load(this.#time, 0)) / 1e6;
  }

  unixNanos(): bigint {
    return startUnixNanos + Atomics.load(this.#time, 0);
  }

  setTimer(delayMs: number, task: () => void): Timer {
    const delayNanos = BigInt(Math.round(Math.max(0, delayMs) * 1e6));
    const timer = { dueNanos: Atomics.load(this.#time, 0) + delayNanos, order: this.#order++, task };
    this.#waiting.add(timer);
    return { cancel: () => this.#waiting.delete(timer) };
  }

  /** Real, because sockets are real: the task runs at the end of this turn of the event loop. */
  defer(task: () => void): void {
    setImmediate(task);
  }

  /** Moves the time on, running each timer at its own time, in order. */
  advance(ms: number): void {
    const target = Atomics.load(this.#time, 0) + BigInt(Math.round(ms * 1e6));
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#waiting.delete(next);
      if (next.dueNanos > Atomics.load(this.#time, 0)) Atomics.store(this.#time, 0, next.dueNanos);
      next.task();
    }
    Atomics.store(this.#time, 0, target);
  }

  /** Advances in steps, with turns of the event loop between them, so that what a timer wrote is read. */
  async pass(ms: number, stepMs = ms): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.advance(Math.min(stepMs, left));
      await this.settle();
    }
  }

  /** Moves the time on as a thread that was held up sees it: all timers run late, at the end of it. */
  stall(ms: number): void {
    Atomics.add(this.#time, 0, BigInt(Math.round(ms * 1e6)));
    this.advance(0);
  }

  /** Runs the timers that another thread's `advance` has made due. */
  runDue(): void {
    this.advance(0);
  }

  /** Lets deferred tasks, and the I/O that they begin within this process, happen. */
  async settle(turns = 6): Promise<void> {
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  #next(target: bigint): WaitingTimer | undefined {
    let next: WaitingTimer | undefined;
    for (const timer of this.#waiting) {
      if (timer.dueNanos > target) continue;
      const sooner = next === undefined || timer.dueNanos < next.dueNanos;
      if (sooner || (timer.dueNanos === next?.dueNanos && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

const startUnixNanos = 1_763_800_000_000_000_000n;
