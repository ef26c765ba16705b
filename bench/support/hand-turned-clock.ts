import { type Clock, systemClock } from "../../src/clock.ts";

/** The real time; turns of the event loop are run by hand, and timers, which none of this waits for, not at all. */
export class HandTurnedClock implements Clock {
  #tasks: (() => void)[] = [];

  nowMs(): number {
    return systemClock.nowMs();
  }

  unixNanos(): bigint {
    return systemClock.unixNanos();
  }

  setTimer(): { cancel(): void } {
    return { cancel: () => {} };
  }

  defer(task: () => void): void {
    this.#tasks.push(task);
  }

  runAll(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = [];
      for (const task of tasks) task();
    }
  }
}
