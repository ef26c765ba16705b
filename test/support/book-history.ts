import { isDeepStrictEqual } from "node:util";
import type { BookRules } from "../../src/book/instrument.ts";
import { type FlowEvent, modelEvent } from "./flow-event.ts";
import { NaiveBook } from "./naive-book.ts";
import type { ReferenceBook } from "./reference-book.ts";
import type { BookLevel, StateName } from "./update.ts";

interface Top {
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
  readonly state: StateName;
}

/** What became of a batch by the model. */
export interface ModelVerdicts {
  readonly accepted: number;
  readonly rejected: number;
  /** For each event the reason of its refusal as the wire numbers it, 0 = accepted. */
  readonly reasons: readonly number[];
}

const stateNames = { 1: "open", 2: "locked", 3: "crossed" } as const;

/**
 * The naive model of one symbol, remembering the best levels at the end of each batch: the states that
 * consumers may see.
 */
export class BookHistory {
  readonly model: NaiveBook;
  readonly #tops = new Map<number, Top>();
  readonly #depthMax: number;
  #everyBatch: boolean;

  /** `everyBatch` false keeps the newest state alone, for floods. */
  constructor(crossPolicy: "reject" | "flag", depthMax: number, { everyBatch = true } = {}) {
    const rules: BookRules = {
      crossPolicy: crossPolicy === "reject" ? 1 : 2,
      tickSize: 0,
      lotSize: 0,
      liveOrdersMax: 10_000_000,
      levelsPerSideMax: 1_000_000,
    };
    this.model = new NaiveBook(rules);
    this.#depthMax = depthMax;
    this.#everyBatch = everyBatch;
    this.keep();
  }

  get sequence(): number {
    return this.model.sequence;
  }

  apply(events: readonly FlowEvent[]): ModelVerdicts {
    const reasons = events.map((event) => this.model.apply(modelEvent(event)));
    const accepted = reasons.filter((reason) => reason === 0).length;
    if (this.#everyBatch) this.keep();
    return { accepted, rejected: reasons.length - accepted, reasons };
  }

  /** Remembers the state as it is. */
  keep(): void {
    this.#tops.set(this.model.sequence, {
      bids: this.model.top(1, this.#depthMax),
      asks: this.model.top(2, this.#depthMax),
      state: stateNames[this.model.state() as 1 | 2 | 3],
    });
  }

  /** @throws Error unless the book is exactly the best levels of the model at the book's sequence. */
  expectEqual(book: ReferenceBook): void {
    this.expectTop(book.sequence, book.subscribed.depth, {
      bids: book.bids(),
      asks: book.asks(),
      state: book.state,
    });
  }

  /** Whether the book is what the model is now, at a sequence that may be lower. */
  isNewest(book: ReferenceBook): boolean {
    const { depth } = book.subscribed;
    return (
      isDeepStrictEqual(book.bids(), this.model.top(1, depth)) &&
      isDeepStrictEqual(book.asks(), this.model.top(2, depth))
    );
  }

  /** As `expectEqual`, for levels that came another way. */
  expectTop(sequence: number, depth: number, found: Top): void {
    const top = this.#tops.get(sequence);
    if (top === undefined) throw new Error(`no batch ended at sequence ${sequence}; now ${this.sequence}`);
    if (depth > this.#depthMax) throw new Error(`the model keeps ${this.#depthMax} levels`);
    const wanted = { bids: top.bids.slice(0, depth), asks: top.asks.slice(0, depth), state: top.state };
    if (isDeepStrictEqual(found, wanted)) return;
    throw new Error(`at sequence ${sequence}, depth ${depth}: ${difference(found, wanted)}`);
  }
}

function difference(found: Top, wanted: Top): string {
  if (found.state !== wanted.state) return `state ${found.state}, the model says ${wanted.state}`;
  for (const side of ["bids", "asks"] as const) {
    for (let index = 0; index < Math.max(found[side].length, wanted[side].length); index += 1) {
      if (isDeepStrictEqual(found[side][index], wanted[side][index])) continue;
      return (
        `${side}[${index}] is ${JSON.stringify(found[side][index])}, ` +
        `the model says ${JSON.stringify(wanted[side][index])}`
      );
    }
  }
  return "no difference";
}
