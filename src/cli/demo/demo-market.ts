import { CrossPolicy, type Instrument } from "../../book/instrument.ts";
import type { ProducerEvent } from "../../client/ingest-batch-writer.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SimulatedSymbol, type SymbolProfile } from "./simulated-symbol.ts";

/** Events of one symbol that belong together. */
export interface MarketBatch {
  readonly symbol: string;
  readonly events: readonly ProducerEvent[];
}

/** What one advance of the market gives. */
export const DEMO_STEP_MS = 10;

/** Bursts: this many times as busy, for so long, after so much calm, on average. */
const BURST_INTENSITY = 4;
const BURST_MEAN_MS = 120;
const CALM_MEAN_MS = 1080;
const CALM_INTENSITY = (BURST_MEAN_MS + CALM_MEAN_MS - BURST_INTENSITY * BURST_MEAN_MS) / CALM_MEAN_MS;

const PROFILES: readonly SymbolProfile[] = [
  profile("BTC-USD", 2, 8, { price: 61_840, tick: 0.5, quantity: 0.08, lot: 0.0001, share: 0.45 }),
  profile("ETH-USD", 2, 6, { price: 3385, tick: 0.05, quantity: 1.2, lot: 0.001, share: 0.33 }),
  profile("SOL-USD", 3, 4, { price: 146, tick: 0.01, quantity: 18, lot: 0.01, share: 0.22 }),
];

/**
 * A simulated market in three symbols. Pure: the same seed and rate give the same events, step by step,
 * however fast they are asked for.
 */
export class DemoMarket {
  readonly instruments: readonly Instrument[] = PROFILES.map(({ instrument }) => instrument);
  readonly #random: SeededRandom;
  readonly #symbols: readonly SimulatedSymbol[];
  readonly #eventsPerStep: number;
  #due: number[];
  #bursting = false;

  /** @param eventsPerSecond of all symbols together, on average */
  constructor(seed: number, eventsPerSecond: number) {
    this.#random = new SeededRandom(seed);
    this.#symbols = PROFILES.map(
      (symbolProfile, index) => new SimulatedSymbol(symbolProfile, new SeededRandom(seed + index + 1)),
    );
    this.#eventsPerStep = (eventsPerSecond * DEMO_STEP_MS) / 1000;
    this.#due = this.#symbols.map(() => 0);
  }

  /** The books as the day begins; the first events are CLEAR. */
  open(): MarketBatch[] {
    return this.#symbols.map((symbol) => ({
      symbol: symbol.profile.instrument.symbol,
      events: symbol.open(),
    }));
  }

  /** The next `DEMO_STEP_MS` of the market: at most one batch a symbol. */
  step(): MarketBatch[] {
    const mean = this.#bursting ? BURST_MEAN_MS : CALM_MEAN_MS;
    if (this.#random.chance(DEMO_STEP_MS / mean)) this.#bursting = !this.#bursting;
    const intensity = this.#bursting ? BURST_INTENSITY : CALM_INTENSITY;
    const batches: MarketBatch[] = [];
    for (const [index, symbol] of this.#symbols.entries()) {
      // Events that a step owes or has had too many of are carried over to the next.
      let due = this.#due[index]! + this.#eventsPerStep * symbol.profile.share * intensity;
      const events: ProducerEvent[] = [];
      while (due >= 1) {
        const action = symbol.act();
        due -= action.length;
        events.push(...action);
      }
      this.#due[index] = due;
      if (events.length > 0) batches.push({ symbol: symbol.profile.instrument.symbol, events });
    }
    return batches;
  }
}

interface ProfileNumbers {
  readonly price: number;
  readonly tick: number;
  readonly quantity: number;
  readonly lot: number;
  readonly share: number;
}

function profile(
  symbol: string,
  priceScale: number,
  quantityScale: number,
  numbers: ProfileNumbers,
): SymbolProfile {
  const price = (value: number) => Math.round(value * 10 ** priceScale);
  const quantity = (value: number) => Math.round(value * 10 ** quantityScale);
  return {
    instrument: {
      symbol,
      priceScale,
      quantityScale,
      crossPolicy: CrossPolicy.reject,
      tickSize: price(numbers.tick),
      lotSize: quantity(numbers.lot),
      description: "simulated market of depthcast serve --demo",
    },
    startPrice: price(numbers.price),
    medianQuantity: quantity(numbers.quantity),
    share: numbers.share,
  };
}
