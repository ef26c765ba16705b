/** One atomic operation, as the code asks for it. */
export interface AtomicStep {
  readonly operation: AtomicOperation;
  readonly words: Int32Array;
  readonly index: number;
  /** What is to be stored; undefined for a load. */
  readonly value: number | undefined;
}

export type AtomicOperation = (typeof OPERATIONS)[number];
type Operate = (words: Int32Array, index: number, ...values: number[]) => number;

const OPERATIONS = ["load", "store", "or", "exchange", "compareExchange"] as const;

/**
 * Puts `intercept` in the place of each atomic operation of this thread, until the returned function is called:
 * so a test sees the steps that the code takes, lets others take theirs in between, or leaves one out.
 * `perform` does what was asked for.
 */
export function interceptAtomics(intercept: (step: AtomicStep, perform: () => number) => number): () => void {
  const global = Atomics as unknown as Record<AtomicOperation, Operate>;
  const originals = new Map(OPERATIONS.map((operation) => [operation, global[operation]]));
  for (const [operation, original] of originals) {
    global[operation] = (words, index, ...values) =>
      intercept({ operation, words, index, value: values.at(-1) }, () => original(words, index, ...values));
  }
  return () => {
    for (const [operation, original] of originals) global[operation] = original;
  };
}
