import type { Instrument } from "../book/instrument.ts";
import { invariant } from "../errors.ts";
import type { InstrumentDirectory, ListedInstrument } from "../book/instrument-directory.ts";

/** The directory that the sequencer keeps, in the order of the log. */
export class InstrumentTable implements InstrumentDirectory {
  readonly #bySymbol = new Map<string, ListedInstrument>();
  readonly #byIndex: ListedInstrument[] = [];

  get size(): number {
    return this.#byIndex.length;
  }

  find(symbol: string): ListedInstrument | undefined {
    return this.#bySymbol.get(symbol);
  }

  at(index: number): ListedInstrument | undefined {
    return this.#byIndex[index - 1];
  }

  list(): readonly ListedInstrument[] {
    return this.#byIndex;
  }

  add(instrument: Instrument): ListedInstrument {
    invariant(!this.#bySymbol.has(instrument.symbol), "a symbol is added once");
    return this.#put({ index: this.size + 1, instrument });
  }

  replace(index: number, instrument: Instrument): ListedInstrument {
    invariant(this.at(index)?.instrument.symbol === instrument.symbol, "an instrument keeps its symbol");
    return this.#put({ index, instrument });
  }

  #put(listed: ListedInstrument): ListedInstrument {
    this.#byIndex[listed.index - 1] = listed;
    this.#bySymbol.set(listed.instrument.symbol, listed);
    return listed;
  }
}
