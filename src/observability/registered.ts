import { Counter, Gauge, type Metric, type Registry } from "@prometheus-io/client";
import { PlainHistogram } from "./histogram.ts";

/** Metrics that are kept as plain numbers elsewhere and read by the registry when it is scraped. */

export type AddSample = (labels: Record<string, string>, value: number) => void;

export function counter(registry: Registry, name: string, help: string, read: () => number): void {
  labelledCounter(registry, name, help, [], (add) => add({}, read()));
}

export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const metric = new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(read());
    },
  });
  void metric;
}

export function labelledCounter(
  registry: Registry,
  name: string,
  help: string,
  labelNames: string[],
  samples: (add: AddSample) => void,
): void {
  const metric = new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      samples((labels, value) => this.inc(labels, value));
    },
  });
  void metric;
}

export function histogram(
  registry: Registry,
  name: string,
  help: string,
  bounds: readonly number[],
): PlainHistogram {
  const metric = new PlainHistogram(name, help, bounds);
  // The registry asks a metric for its name and for `get()`, and for nothing else.
  registry.registerMetric(metric as unknown as Metric);
  return metric;
}
