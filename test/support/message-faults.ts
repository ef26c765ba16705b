import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "./random.ts";

/** What may happen to one message on its way. Percentages; what is left passes as it is. */
export interface FaultRates {
  readonly drop: number;
  readonly duplicate: number;
  /** Comes after the next one. */
  readonly reorder: number;
  readonly delay: number;
  readonly flip: number;
  readonly cut: number;
}

const ALL_FAULTS: FaultRates = { drop: 4, duplicate: 4, reorder: 4, delay: 4, flip: 4, cut: 1 };

const DELAY_MAX_MS = 60;

/** Where messages go on to. */
export interface MessageSink {
  send(message: Buffer): void;
  /** Breaks the connection off. */
  cut(): void;
}

/** Does to the messages of one connection what bad networks and broken proxies do. Counts what it did. */
export class MessageFaults {
  readonly done: Record<keyof FaultRates, number> = {
    drop: 0,
    duplicate: 0,
    reorder: 0,
    delay: 0,
    flip: 0,
    cut: 0,
  };
  readonly #random: Random;
  readonly #rates: FaultRates;
  active = true;

  constructor(random: Random, rates: FaultRates = ALL_FAULTS) {
    this.#random = random;
    this.#rates = rates;
  }

  /** A way for one connection; call what it returns for each message. */
  way(sink: MessageSink): (message: Buffer) => void {
    let held: Buffer | undefined;
    // What is behind a delayed message waits as well: a connection keeps its order.
    let before = Promise.resolve();
    const pass = (message: Buffer): void => {
      sink.send(message);
      const late = held;
      held = undefined;
      if (late !== undefined) sink.send(late);
    };
    const take = (message: Buffer, fault: keyof FaultRates | undefined): void => {
      if (fault === "drop") return;
      if (fault === "reorder") {
        held ??= message;
        return;
      }
      if (fault === "cut") {
        sink.cut();
        return;
      }
      pass(fault === "flip" ? this.#flipped(message) : message);
      if (fault === "duplicate") sink.send(message);
    };
    return (message) => {
      const fault = this.#choose();
      before = before.then(async () => {
        if (fault === "delay") await sleep(this.#random.between(1, DELAY_MAX_MS));
        take(message, fault);
      });
    };
  }

  #choose(): keyof FaultRates | undefined {
    if (!this.active) return undefined;
    let roll = this.#random.next() * 100;
    for (const [fault, percent] of Object.entries(this.#rates) as [keyof FaultRates, number][]) {
      roll -= percent;
      if (roll >= 0) continue;
      this.done[fault] += 1;
      return fault;
    }
    return undefined;
  }

  #flipped(message: Buffer): Buffer {
    const copy = Buffer.from(message);
    const at = this.#random.between(0, copy.length - 1);
    copy[at] = (copy[at] ?? 0) ^ (1 << this.#random.between(0, 6));
    return copy;
  }
}
