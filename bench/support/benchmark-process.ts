import { benchmarks } from "../benchmarks.ts";
import type { BenchmarkReport } from "./benchmark.ts";

/** The process in which one benchmark runs. */

/** Parent to child. */
export interface BenchmarkOrder {
  readonly name: string;
  readonly smoke: boolean;
  readonly peersInstalled: boolean;
}

/** Child to parent. */
export type BenchmarkAnswer =
  | { readonly op: "progress"; readonly line: string }
  | { readonly op: "report"; readonly report: BenchmarkReport }
  | { readonly op: "failure"; readonly message: string };

process.once("message", (order: BenchmarkOrder) => {
  void obey(order);
});

async function obey({ name, smoke, peersInstalled }: BenchmarkOrder): Promise<void> {
  try {
    const load = benchmarks[name];
    if (load === undefined) throw new Error(`there is no benchmark ${name}`);
    const report = await (await load()).run({
      smoke,
      peersInstalled,
      progress: (line) => answer({ op: "progress", line }),
    });
    answer({ op: "report", report });
  } catch (failure) {
    answer({ op: "failure", message: String((failure as Error).stack) });
  }
  process.disconnect?.();
}

function answer(message: BenchmarkAnswer): void {
  process.send?.(message);
}
