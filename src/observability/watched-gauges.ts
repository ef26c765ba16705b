import { Gauge, type Registry } from "@prometheus-io/client";

/** Values that are asked for at each scrape. */
const watched = {
  /** Consumers that the transport does not take from just now. */
  unwritableConsumers: {
    name: "depthcast_consumers_unwritable",
    help: "Consumers whose transport takes nothing just now.",
  },
  subscriptions: { name: "depthcast_subscriptions", help: "Subscriptions of all consumers." },
  instruments: { name: "depthcast_instruments", help: "Instruments defined." },
  views: { name: "depthcast_views", help: "Views (symbol, depth, interval) kept." },
  viewBytes: { name: "depthcast_view_bytes", help: "Memory of all views." },
  boardBytes: { name: "depthcast_board_bytes", help: "Memory of the depth board." },
  ingestBytes: {
    name: "depthcast_ingest_pending_bytes",
    help: "Bytes of events received and not yet applied.",
  },
  logBytes: { name: "depthcast_log_bytes", help: "Bytes that the order log's entries take on the disk." },
  logEntries: { name: "depthcast_log_entries", help: "Entries that the order log keeps." },
  intervalStretch: {
    name: "depthcast_interval_stretch_ratio",
    help: "Factor by which intervals are stretched; 1 = not.",
  },
  grpcConnections: {
    name: "depthcast_connections",
    help: "Open connections.",
    labels: { transport: "grpc" },
  },
  httpConnections: {
    name: "depthcast_connections",
    help: "Open connections.",
    labels: { transport: "http" },
  },
} as const satisfies Record<string, { name: string; help: string; labels?: Record<string, string> }>;

export type Watchers = { readonly [Name in keyof typeof watched]?: () => number };

/** Registers the gauges; what it returns sets their callbacks. */
export function registerWatched(registry: Registry): (watchers: Watchers) => void {
  const sources = new Map<string, () => number>();
  const byName = new Map<string, { help: string; entries: [string, Record<string, string>][] }>();
  for (const [key, definition] of Object.entries(watched)) {
    const labels: Record<string, string> = "labels" in definition ? definition.labels : {};
    const metric = byName.get(definition.name) ?? { help: definition.help, entries: [] };
    metric.entries.push([key, labels]);
    byName.set(definition.name, metric);
  }
  for (const [name, { help, entries }] of byName) {
    const labelNames = Object.keys(entries[0]?.[1] ?? {});
    const gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        for (const [key, labels] of entries) this.set(labels, sources.get(key)?.() ?? 0);
      },
    });
    void gauge;
  }
  return (watchers) => {
    for (const [key, source] of Object.entries(watchers)) sources.set(key, source);
  };
}
