import type { FinalState } from "./soak-consumers.ts";

/** One consumer of the soak, whatever it came by. */
export interface SoakConsumer {
  /** Opens a connection; resolves or rejects when it is over. Called again after that. */
  connect(onOpen: () => void): Promise<void>;
  pause(): void;
  resume(): void;
  isReady(): boolean;
  counters(): SoakCounters;
  /** @throws Error the first breach of the contract */
  check(): void;
  behind(states: Readonly<Record<string, FinalState>>): number;
}

export interface SoakCounters {
  readonly snapshots: number;
  readonly deltas: number;
  readonly resumed: number;
  readonly resyncs: number;
  readonly mergedIntervalsMax: number;
}
