/** What a server's `GET /metrics` told: Prometheus text, parsed. */
export class Metrics {
  readonly #samples: readonly { readonly name: string; readonly labels: string; readonly value: number }[];

  constructor(text: string) {
    this.#samples = text.split("\n").flatMap((line) => {
      const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (\S+)/.exec(line);
      if (match === null) return [];
      return [{ name: match[1] as string, labels: match[2] ?? "", value: Number(match[3]) }];
    });
  }

  /** The sum of all samples of that name whose labels contain `label`, such as `transport="grpc"`. */
  sum(name: string, label = ""): number {
    const found = this.#samples.filter((sample) => sample.name === name && sample.labels.includes(label));
    if (found.length === 0 && !this.#samples.some((sample) => sample.name === name)) {
      throw new Error(`no metric ${name}`);
    }
    return found.reduce((sum, { value }) => sum + value, 0);
  }

  /** The highest sample of that name whose labels match. */
  max(name: string, labels: RegExp): number {
    return Math.max(
      ...this.#samples
        .filter((sample) => sample.name === name && labels.test(sample.labels))
        .map(({ value }) => value),
    );
  }
}

export async function readMetrics(httpUrl: string): Promise<Metrics> {
  const response = await fetch(`${httpUrl}/metrics`);
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return new Metrics(await response.text());
}
