/**
 * A histogram that costs a loop and two additions an observation, without an object made: the library's
 * own looks labels up by string each time.
 */
export class PlainHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly #boundsSeconds: Float64Array;
  /** One more than there are bounds: the last counts what is above all. Not cumulative. */
  readonly #counts: Float64Array;
  #sum = 0;

  /** @param boundsSeconds upper bounds, rising */
  constructor(name: string, help: string, boundsSeconds: readonly number[]) {
    this.name = name;
    this.help = help;
    this.#boundsSeconds = Float64Array.from(boundsSeconds);
    this.#counts = new Float64Array(boundsSeconds.length + 1);
  }

  /** Counts `times` observations of one value. Below 0 (clocks that disagree) counts as 0. */
  observe(seconds: number, times = 1): void {
    const bounds = this.#boundsSeconds;
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + times;
    if (seconds > 0) this.#sum += seconds * times;
  }

  reset(): void {
    this.#counts.fill(0);
    this.#sum = 0;
  }

  /** In the form in which the registry asks for a metric. */
  get() {
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = [];
    let below = 0;
    this.#counts.forEach((count, bucket) => {
      below += count;
      const bound = this.#boundsSeconds[bucket] ?? "+Inf";
      values.push({ metricName: `${this.name}_bucket`, labels: { le: bound }, value: below });
    });
    values.push({ metricName: `${this.name}_sum`, labels: {}, value: this.#sum });
    values.push({ metricName: `${this.name}_count`, labels: {}, value: below });
    return Promise.resolve({
      name: this.name,
      help: this.help,
      type: this.type,
      aggregator: this.aggregator,
      values,
    });
  }
}
