import type { ClientClock } from "../clock.ts";

/** How long and how often something that failed is tried again. */
export interface BackoffOptions {
  /** The first wait is at most this; each further one at most twice the one before. Default 100. */
  readonly firstDelayMs?: number;
  /** No wait is longer. Default 5,000: a server that is back is found within seconds. */
  readonly delayMaxMs?: number;
  /** Attempts in a row without success. Default 1,000. */
  readonly attemptsMax?: number;
  /** Time without success since the first failure. Default 600,000: ten minutes. */
  readonly giveUpAfterMs?: number;
}

/**
 * Exponential backoff with full jitter: each wait is random between 0 and the bound of the attempt, so that many
 * clients that lost one server do not come back together. The method is that of M. Brooker, "Exponential Backoff
 * And Jitter" (AWS Architecture Blog, 2015).
 *
 * The defaults by `test/long/reconnect-storm.test.ts`, where 2,000 clients on 2 cores are cut at once: first waits of at
 * most 20, 100, 500 and 1,000 ms have all back after 2.8, 2.5 to 3.5, 3.1 and 3.9 s (the processors are busy for 2 s of
 * these in any case), and the server's event loop late by 170 to 370 ms. So the first wait can be one that a single
 * client does not notice. A longest wait of 1 s brings nothing there; where a server stays away, 5 s make that 800
 * attempts a second of 2,000 clients, which is about what it takes in while all come back.
 */
export class Backoff {
  readonly #firstDelayMs: number;
  readonly #delayMaxMs: number;
  readonly #attemptsMax: number;
  readonly #giveUpAfterMs: number;
  readonly #clock: Pick<ClientClock, "nowMs">;
  readonly #random: () => number;
  #attempts = 0;
  #failingSinceMs = 0;

  /** @param random from 0 to below 1, as `Math.random` */
  constructor(options: BackoffOptions, clock: Pick<ClientClock, "nowMs">, random: () => number) {
    this.#firstDelayMs = options.firstDelayMs ?? 100;
    this.#delayMaxMs = options.delayMaxMs ?? 5000;
    this.#attemptsMax = options.attemptsMax ?? 1000;
    this.#giveUpAfterMs = options.giveUpAfterMs ?? 600_000;
    this.#clock = clock;
    this.#random = random;
  }

  /** Attempts since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Milliseconds to wait before the next attempt, which is counted; undefined = give up. */
  next(): number | undefined {
    const nowMs = this.#clock.nowMs();
    if (this.#attempts === 0) this.#failingSinceMs = nowMs;
    const leftMs = this.#failingSinceMs + this.#giveUpAfterMs - nowMs;
    if (this.#attempts >= this.#attemptsMax || leftMs <= 0) return undefined;
    const boundMs = Math.min(this.#delayMaxMs, this.#firstDelayMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.min(this.#random() * boundMs, leftMs);
  }

  /** It worked: the next failure is a first one. */
  succeeded(): void {
    this.#attempts = 0;
  }

  /** It lasted this long, whatever came of it: long enough is a success, so that failures far apart do not add up. */
  lasted(durationMs: number): void {
    if (durationMs >= this.#delayMaxMs) this.succeeded();
  }
}
