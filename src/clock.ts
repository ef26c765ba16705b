/**
 * Time, passed in wherever it is needed, so that tests drive it by hand and later all threads share one.
 */

/** A timer that has been set. Cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds with a fraction; only differences mean anything. */
  nowMs(): number;
  /** Wall clock, nanoseconds since 1970. */
  unixNanos(): bigint;
  /** Runs `task` once, `delayMs` from now or a little later. Keeps no process alive. */
  setTimer(delayMs: number, task: () => void): Timer;
  /**
   * Runs `task` once at the end of this turn of the event loop, after the I/O that is already there, so
   * that what arrives together is handled together.
   */
  defer(task: () => void): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  // Two parts, because nanoseconds since 1970 do not fit a double.
  unixNanos: () => {
    const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
    return BigInt(micros) * 1000n;
  },
  setTimer: (delayMs, task) => {
    const handle = setTimeout(task, delayMs);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  defer: (task) => {
    setImmediate(task);
  },
};

/** What a client needs of time, in Node and in a web page. */
export type ClientClock = Pick<Clock, "nowMs" | "setTimer">;

/**
 * The machine's clock for a client's program, which waits for it: its timers keep the process alive, which would
 * end in the midst of a wait for a server that is gone.
 */
export const clientClock: ClientClock = {
  nowMs: () => performance.now(),
  setTimer: (delayMs, task) => {
    const handle = setTimeout(task, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};
