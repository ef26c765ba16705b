import type { Instrument } from "./instrument.ts";

/** An instrument with its number: 1, 2, 3, … in the order of the log, the same on every node. */
export interface ListedInstrument {
  readonly index: number;
  readonly instrument: Instrument;
}

/** The instruments defined so far, for reading. Each gateway has one, kept up by the engine. */
export interface InstrumentDirectory {
  find(symbol: string): ListedInstrument | undefined;
  at(index: number): ListedInstrument | undefined;
  /** In the order in which they were defined. */
  list(): readonly ListedInstrument[];
}
