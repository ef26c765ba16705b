/** What a benchmark file exports, and what it hands back. */

export interface Benchmark {
  readonly name: string;
  /** One line for `--help`. */
  readonly about: string;
  run(context: BenchmarkContext): Promise<BenchmarkReport>;
}

export interface BenchmarkContext {
  /** A run of a second or two on small data that shows that everything works; its times mean nothing. */
  readonly smoke: boolean;
  /** Whether the packages that depthcast is measured against are there. */
  readonly peersInstalled: boolean;
  /** Tells the user what goes on. */
  readonly progress: (line: string) => void;
}

export interface BenchmarkReport {
  readonly tables: readonly ReportTable[];
  readonly goals: readonly Goal[];
  /** What a reader has to know to judge the figures. */
  readonly notes: readonly string[];
}

export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  /** Numbers are shown with three significant digits. */
  readonly rows: readonly (readonly (string | number)[])[];
}

export interface Goal {
  readonly text: string;
  readonly measured: number;
  readonly unit: string;
  readonly met: boolean;
}

/** A goal that something reaches at least so much. */
export function atLeast(text: string, measured: number, bound: number, unit: string): Goal {
  return { text: `${text} ≥ ${bound} ${unit}`.trim(), measured, unit, met: measured >= bound };
}

/** A goal that something stays within so much. */
export function atMost(text: string, measured: number, bound: number, unit: string): Goal {
  return { text: `${text} ≤ ${bound} ${unit}`.trim(), measured, unit, met: measured <= bound };
}

/** Stops the benchmark where an outcome is wrong: a fast wrong answer is none. */
export function expectOutcome(right: boolean, what: string): asserts right {
  if (!right) throw new Error(`wrong outcome: ${what}`);
}
