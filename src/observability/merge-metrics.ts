/**
 * One text of metrics out of those of several threads: samples of one name and labels are added up, which is what
 * counters, histograms and the gauges of threads that share the work mean together. Of ratios the largest counts.
 * What is neither has a label that tells the threads apart.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const text of texts) readInto(families, text);
  const lines: string[] = [];
  for (const [name, { help, type, samples }] of families) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [sample, value] of samples) lines.push(`${sample} ${value}`);
    lines.push("");
  }
  return lines.join("\n");
}

interface Family {
  readonly help: string;
  readonly type: string;
  readonly add: (before: number, value: number) => number;
  readonly samples: Map<string, number>;
}

function readInto(families: Map<string, Family>, text: string): void {
  let help = "";
  let family: Family | undefined;
  for (const line of text.split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (kind === "HELP") {
      help = rest;
    } else if (kind === "TYPE") {
      family = families.get(name) ?? {
        help,
        type: rest,
        add: name.endsWith("_ratio") ? Math.max : plus,
        samples: new Map(),
      };
      families.set(name, family);
    } else if (line !== "" && family !== undefined) {
      const end = line.lastIndexOf(" ");
      const sample = line.slice(0, end);
      family.samples.set(sample, family.add(family.samples.get(sample) ?? 0, Number(line.slice(end + 1))));
    }
  }
}

function plus(before: number, value: number): number {
  return before + value;
}
