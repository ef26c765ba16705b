import type { OrderAction, Side } from "../../src/book/order-events.ts";
import type { ProducerEvent } from "../../src/client/ingest-batch-writer.ts";
import { type FlowEvent, modelEvent } from "./flow-event.ts";
import { Random } from "./random.ts";
import { adversarialFlow, type OrderFlow, realisticFlow } from "./random-flow.ts";

/** All producers write to this one; each has a symbol of its own as well. */
export const SHARED_SYMBOL = "SHARED";

export function ownSymbol(producer: number): string {
  return `OWN-${producer}`;
}

export function producerId(producer: number): string {
  return `producer-${producer}`;
}

export interface CrashBatch {
  readonly symbol: string;
  readonly events: readonly FlowEvent[];
}

/** Of a batch. */
const EVENTS_MAX = 8;

/**
 * The batches of one producer, the same for the same seed: the process that sends them and the model that judges
 * what came of them make them both. Orders of several producers on the shared symbol have the same ids, so
 * that many are refused and the order in which they came matters.
 */
export class CrashFlow {
  readonly #random: Random;
  readonly #own: OrderFlow;
  readonly #shared: OrderFlow;
  readonly #ownSymbol: string;

  constructor(seed: number, producer: number) {
    this.#random = new Random(seed + producer * 7919);
    this.#own = realisticFlow(this.#random, { liveTarget: 150 });
    this.#shared = adversarialFlow(this.#random, { liveTarget: 60, illegalPercent: 0 });
    this.#ownSymbol = ownSymbol(producer);
  }

  /** The next one: number 1, then 2, … */
  next(): CrashBatch {
    const size = this.#random.between(1, EVENTS_MAX);
    if (this.#random.chance(30)) return { symbol: SHARED_SYMBOL, events: this.#shared.batch(size) };
    return { symbol: this.#ownSymbol, events: this.#own.batch(size) };
  }
}

/** The event as a producer writes it. */
export function producerEvent(event: FlowEvent): ProducerEvent {
  const { action, id, key, side, price, quantity } = modelEvent(event);
  return {
    action: action as OrderAction,
    orderId: id,
    orderKey: key,
    side: side as Side | undefined,
    price,
    quantity,
  };
}
