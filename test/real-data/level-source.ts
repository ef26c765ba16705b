import type { FlowEvent } from "../support/flow-event.ts";
import { mantissaOf } from "./decimal-text.ts";
import type { HeldTop, Scales, TopLevel } from "./held-top.ts";
import type { LevelEntry, LevelMessage } from "./level-message.ts";

/** How a source of price levels is brought in: as levels, or as one order for each (side, price). */
export const levelForms = ["SET_LEVEL", "one order a level"] as const;
export type LevelForm = (typeof levelForms)[number];

/** Turns the messages of one symbol into order events, and remembers all its levels. */
export class LevelSource {
  readonly #form: LevelForm;
  readonly #scales: Scales;
  readonly #levels = { bid: new Map<bigint, bigint>(), ask: new Map<bigint, bigint>() };

  constructor(form: LevelForm, scales: Scales) {
    this.#form = form;
    this.#scales = scales;
  }

  /** The events of one message, which are to be one batch. Empty where it says nothing new. */
  events(message: LevelMessage): FlowEvent[] {
    const events: FlowEvent[] = [];
    if (message.isSnapshot) {
      events.push({ action: "clear" });
      this.#levels.bid.clear();
      this.#levels.ask.clear();
    }
    for (const entry of message.entries) {
      const event = this.#take(entry);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  /** Every level of the symbol, best first. */
  whole(): HeldTop {
    return { bids: sorted(this.#levels.bid, -1), asks: sorted(this.#levels.ask, 1) };
  }

  #take({ side, price: priceText, quantity: quantityText }: LevelEntry): FlowEvent | undefined {
    const price = mantissaOf(priceText, this.#scales.priceScale);
    const quantity = mantissaOf(quantityText, this.#scales.quantityScale);
    const levels = this.#levels[side];
    const stood = levels.has(price);
    if (quantity === 0n) levels.delete(price);
    else levels.set(price, quantity);
    if (this.#form === "SET_LEVEL") return { action: "set_level", side, price, quantity };

    const orderId = price * 2n + (side === "bid" ? 0n : 1n);
    if (quantity > 0n) {
      return stood
        ? { action: "update", orderId, quantity }
        : { action: "add", orderId, side, price, quantity };
    }
    // Exchanges also remove levels that lie below what their snapshot showed: no such order was ever added.
    return stood ? { action: "delete", orderId } : undefined;
  }
}

function sorted(levels: ReadonlyMap<bigint, bigint>, direction: 1 | -1): TopLevel[] {
  return Array.from(levels, ([price, quantity]): TopLevel => [Number(price), Number(quantity)]).toSorted(
    (a, b) => (a[0] - b[0]) * direction,
  );
}
