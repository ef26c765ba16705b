import { createHash } from "node:crypto";
import type { ListedInstrument } from "../book/instrument-directory.ts";
import type { LogRules } from "../log/record.ts";
import type { ProducerPosition } from "../log/snapshot/snapshot.ts";

/** What decides outcomes outside the books. */
export interface SequencerState {
  readonly rules: LogRules | undefined;
  /** By number. */
  readonly instruments: readonly ListedInstrument[];
  readonly sequence: (instrument: number) => number;
  readonly producers: readonly ProducerPosition[];
}

/** 128 bits in hex over all that is not in the books' own hashes; equal after the same log. */
export function sequencerHash({ rules, instruments, sequence, producers }: SequencerState): string {
  const hash = createHash("sha256");
  const add = (item: unknown) => hash.update(`${JSON.stringify(item)}\n`);
  add(rules && Object.entries(rules).toSorted(byName));
  for (const { index, instrument } of instruments) {
    add([index, sequence(index), Object.entries(instrument).toSorted(byName)]);
  }
  for (const position of producers.toSorted(byName)) add(position);
  return hash.digest("hex").slice(0, 32);
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
