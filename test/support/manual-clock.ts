import type { Clock, Timer } from "../../src/clock.ts";

interface WaitingTimer {
  readonly dueNanos: bigint;
  readonly order: number;
  readonly task: () => void;
}

/** Threads that may follow one clock. */
const FOLLOWERS_MAX = 16;
/** Words behind the time: how often it was moved, how many threads follow, and how far each has come. */
const Word = { version: 2, followers: 3, reached: 4 } as const;
const BUFFER_BYTES = 4 * (Word.reached + FOLLOWERS_MAX);
/** How long a thread that follows has, before it is taken for gone. */
const FOLLOWER_PATIENCE_MS = 2000;
/** Real time that messages between threads are given to arrive. */
const THREAD_MESSAGES_MS = 5;

/**
 * A clock that stands still until a test advances it. Threads can follow it: the time is in a
 * SharedArrayBuffer, each thread has its own timers and runs them, at their own times, when it sees the time move.
 */
export class ManualClock implements Clock {
  /** Nanoseconds since the clock was made, as the test has moved it. */
  readonly #time: BigInt64Array;
  readonly #words: Int32Array;
  /** The same as this thread has come to. */
  #now: bigint;
  readonly #waiting = new Set<WaitingTimer>();
  #order = 0;
  readonly #lost = new Set<number>();

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(BUFFER_BYTES)) {
    this.#time = new BigInt64Array(buffer, 0, 1);
    this.#words = new Int32Array(buffer);
    this.#now = Atomics.load(this.#time, 0);
  }

  /** What a server needs to have the same clock on its threads. */
  get shared(): { readonly module: string; readonly data: SharedArrayBuffer } {
    return { module: import.meta.url, data: this.#words.buffer as SharedArrayBuffer };
  }

  /** Timers that have not run. */
  get waiting(): number {
    return this.#waiting.size;
  }

  nowMs(): number {
    return Number(this.#now) / 1e6;
  }

  unixNanos(): bigint {
    return startUnixNanos + this.#now;
  }

  setTimer(delayMs: number, task: () => void): Timer {
    const delayNanos = BigInt(Math.round(Math.max(0, delayMs) * 1e6));
    const timer = { dueNanos: this.#now + delayNanos, order: this.#order++, task };
    this.#waiting.add(timer);
    return { cancel: () => this.#waiting.delete(timer) };
  }

  /** Real, because sockets are real: the task runs at the end of this turn of the event loop. */
  defer(task: () => void): void {
    setImmediate(task);
  }

  /** Moves the time on, running each timer at its own time, in order. */
  advance(ms: number): void {
    this.#runTo(this.#now + BigInt(Math.round(ms * 1e6)));
    this.#tellFollowers();
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
    this.#now += BigInt(Math.round(ms * 1e6));
    this.#runTo(this.#now);
    this.#tellFollowers();
  }

  /** Lets deferred tasks, and the I/O that they begin, happen: in this process, and on threads that follow. */
  async settle(turns = 6): Promise<void> {
    const followed = await this.#followersHaveCome();
    if (followed) await realTime(THREAD_MESSAGES_MS);
    for (let turn = 0; turn < turns; turn += 1) {
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  /** Runs this thread's timers whenever another moves the time. */
  async follow(): Promise<never> {
    const follower = Atomics.add(this.#words, Word.followers, 1);
    for (;;) {
      const version = Atomics.load(this.#words, Word.version);
      this.#runTo(Atomics.load(this.#time, 0));
      Atomics.store(this.#words, Word.reached + follower, version);
      await Atomics.waitAsync(this.#words, Word.version, version).value;
    }
  }

  #tellFollowers(): void {
    Atomics.store(this.#time, 0, this.#now);
    Atomics.add(this.#words, Word.version, 1);
    Atomics.notify(this.#words, Word.version);
  }

  /** Waits until all threads that follow have run their timers. False = there are none. */
  async #followersHaveCome(): Promise<boolean> {
    const version = Atomics.load(this.#words, Word.version);
    const followers = Atomics.load(this.#words, Word.followers);
    for (let follower = 0; follower < followers; follower += 1) {
      const deadline = performance.now() + FOLLOWER_PATIENCE_MS;
      while (!this.#lost.has(follower) && Atomics.load(this.#words, Word.reached + follower) < version) {
        if (performance.now() > deadline) this.#lost.add(follower);
        await realTime(1);
      }
    }
    return followers > 0;
  }

  #runTo(target: bigint): void {
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#waiting.delete(next);
      if (next.dueNanos > this.#now) this.#now = next.dueNanos;
      next.task();
    }
    if (target > this.#now) this.#now = target;
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

/** For a server's thread: a clock that follows the test's. @public */
export function createClock(data: SharedArrayBuffer): ManualClock {
  const clock = new ManualClock(data);
  void clock.follow();
  return clock;
}

function realTime(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
