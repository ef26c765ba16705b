import { invariant } from "../errors.ts";
import type { InstrumentDirectory, ListedInstrument } from "../book/instrument-directory.ts";

/** A directory that is kept up by whoever is told of definitions. */
export class InstrumentTable implements InstrumentDirectory {
  readonly #bySymbol = new Map<string, ListedInstrument>();
  /** With holes where an engine has not answered yet. */
  readonly #byIndex: (ListedInstrument | undefined)[] = [];
  #list: readonly ListedInstrument[] | undefined = [];

  get size(): number {
    return this.#bySymbol.size;
  }

  find(symbol: string): ListedInstrument | undefined {
    return this.#bySymbol.get(symbol);
  }

  at(index: number): ListedInstrument | undefined {
    return this.#byIndex[index - 1];
  }

  list(): readonly ListedInstrument[] {
    this.#list ??= this.#byIndex.filter((listed) => listed !== undefined);
    return this.#list;
  }

  /** A definition is in force. */
  put(listed: ListedInstrument): void {
    const { index, instrument } = listed;
    const before = this.at(index);
    invariant(
      before === undefined || before.instrument.symbol === instrument.symbol,
      "an instrument keeps its symbol",
    );
    this.#byIndex[index - 1] = listed;
    this.#bySymbol.set(instrument.symbol, listed);
    this.#list = undefined;
  }
}
