export type { InstrumentDirectory, ListedInstrument } from "../book/instrument-directory.ts";
