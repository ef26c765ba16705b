import { Gauge, Registry } from "@prometheus-io/client";
import { registerProcess, registerThread } from "./process-metrics.ts";
import { createSnapshotMetrics, type SnapshotMetrics } from "./snapshot-metrics.ts";
import { type AddSample, counter, histogram, labelledCounter } from "./registered.ts";
import { registerWatched, type Watchers } from "./watched-gauges.ts";

/**
 * What depthcast counts. The methods add plain numbers, and the registry reads them when it is scraped, so
 * they may be called from hot paths. No label has a value that a stranger can choose.
 */

/** Where a consumer or a connection is. */
export type TransportLabel = "grpc" | "websocket";
export type DialectLabel = "proto" | "json";

export interface IngestMetrics {
  /** @param rejectedByReason counts, indexed by RejectReason (`EngineTurn.rejectedByReason`) */
  batchesApplied(batches: number, acceptedEvents: number, rejectedByReason: Float64Array): void;
  /** A batch whose number had been applied before. */
  batchDuplicate(): void;
  /** From the arrival of a batch to its answer: durable and applied. */
  acknowledged(seconds: number): void;
}

export interface LogMetrics {
  /** Records became durable together. */
  committed(records: number, seconds: number): void;
}

export interface BroadcastMetrics {
  updatesSent(kind: UpdateKind, dialect: DialectLabel, count: number): void;
  /** Intervals that consumers skipped because they were not writable. */
  mergedIntervals(count: number): void;
  /** One flush over all views that were due. */
  flushed(seconds: number): void;
  /** From the publishing (or, where known, the source's time) to the handing over to `count` transports. */
  delivered(ageSeconds: number, count: number): void;
  consumerCutOff(reason: CutOffReason): void;
}

export interface TransportMetrics {
  consumerConnected(transport: TransportLabel): void;
  consumerDisconnected(transport: TransportLabel): void;
  bytesSent(transport: TransportLabel, bytes: number): void;
  requestRefused(transport: TransportLabel): void;
  /** From a WebSocket ping to its pong: what lies between the server and the client's application. */
  roundTrip(seconds: number): void;
}

export const UPDATE_KINDS = ["subscribed", "snapshot", "delta", "heartbeat", "notice"] as const;
export type UpdateKind = (typeof UPDATE_KINDS)[number];
export const CUT_OFF_REASONS = ["stalled", "shutdown"] as const;
export type CutOffReason = (typeof CUT_OFF_REASONS)[number];

export interface Metrics {
  readonly ingest: IngestMetrics;
  readonly log: LogMetrics;
  readonly snapshots: SnapshotMetrics;
  readonly broadcast: BroadcastMetrics;
  readonly transport: TransportMetrics;
  /** Gauges that are read by callback. A later callback of the same name replaces the earlier. */
  watch(watchers: Watchers): void;
  /** The text that Prometheus scrapes. Reads and restarts the event-loop delay's maximum. */
  text(): Promise<string>;
  /** Ends the measuring of the event loop. */
  stop(): void;
}

const REASONS = [
  [1, "duplicate_order"],
  [2, "unknown_order"],
  [3, "invalid_event"],
  [4, "crossed_book"],
  [5, "capacity"],
] as const;

const FLUSH_BOUNDS = [
  0.000_05, 0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
];
const AGE_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const COMMIT_SECONDS_BOUNDS = [
  0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5,
];

export interface MetricsOptions {
  /** Tells the threads of a server apart, where there are several. Default "main". */
  readonly thread?: string;
  /** Whether the process's memory and processor time are among them: one thread's are enough. Default yes. */
  readonly process?: boolean;
}

/** Metrics in a registry of their own: several servers in one process do not mix. */
export function createMetrics({ thread = "main", process = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry();
  const ingest = createIngestMetrics(registry);
  const log = createLogMetrics(registry);
  const snapshots = createSnapshotMetrics(registry);
  const broadcast = createBroadcastMetrics(registry);
  const transport = createTransportMetrics(registry);
  const watch = registerWatched(registry);
  const stopLoopDelay = registerThread(registry, thread);
  if (process) registerProcess(registry);
  return {
    ingest,
    log,
    snapshots,
    broadcast,
    transport,
    watch,
    text: () => registry.metrics(),
    stop: stopLoopDelay,
  };
}

function createIngestMetrics(registry: Registry): IngestMetrics {
  let accepted = 0;
  let batches = 0;
  let duplicates = 0;
  const refused = new Float64Array(6);
  counter(registry, "depthcast_events_accepted_total", "Order events applied.", () => accepted);
  counter(registry, "depthcast_batches_applied_total", "Batches applied.", () => batches);
  counter(
    registry,
    "depthcast_batches_duplicate_total",
    "Batches skipped because their number had been applied before.",
    () => duplicates,
  );
  labelledCounter(registry, "depthcast_events_refused_total", "Order events refused.", ["reason"], (add) => {
    for (const [code, reason] of REASONS) add({ reason }, refused[code] as number);
  });
  const acknowledgement = histogram(
    registry,
    "depthcast_acknowledgement_seconds",
    "From the arrival of a batch to its answer: durable and applied.",
    AGE_BOUNDS,
  );
  return {
    batchesApplied(batchCount, acceptedEvents, rejectedByReason) {
      batches += batchCount;
      accepted += acceptedEvents;
      for (let code = 0; code < refused.length; code += 1) {
        refused[code] = (refused[code] as number) + (rejectedByReason[code] ?? 0);
      }
    },
    batchDuplicate() {
      duplicates += 1;
    },
    acknowledged: (seconds) => acknowledgement.observe(seconds),
  };
}

function createLogMetrics(registry: Registry): LogMetrics {
  let recordsTotal = 0;
  counter(
    registry,
    "depthcast_log_records_total",
    "Records that the order log has made durable.",
    () => recordsTotal,
  );
  const commit = histogram(
    registry,
    "depthcast_log_commit_seconds",
    "One commit of the order log: written and synced.",
    COMMIT_SECONDS_BOUNDS,
  );
  return {
    committed(records, seconds) {
      recordsTotal += records;
      commit.observe(seconds);
    },
  };
}

function createBroadcastMetrics(registry: Registry): BroadcastMetrics {
  const updates = { proto: zeros(UPDATE_KINDS), json: zeros(UPDATE_KINDS) };
  const cutOffs = zeros(CUT_OFF_REASONS);
  let merged = 0;
  labelledCounter(
    registry,
    "depthcast_updates_sent_total",
    "Updates handed to transports.",
    ["kind", "dialect"],
    (add) => {
      for (const dialect of ["proto", "json"] as const) {
        for (const kind of UPDATE_KINDS) add({ kind, dialect }, updates[dialect][kind]);
      }
    },
  );
  counter(
    registry,
    "depthcast_merged_intervals_total",
    "Intervals that consumers skipped because they were not writable.",
    () => merged,
  );
  labelledCounter(
    registry,
    "depthcast_consumers_cut_off_total",
    "Consumers that the server gave up.",
    ["reason"],
    (add) => {
      for (const reason of CUT_OFF_REASONS) add({ reason }, cutOffs[reason]);
    },
  );
  const flush = histogram(registry, "depthcast_flush_seconds", "One flush of all views due.", FLUSH_BOUNDS);
  const age = histogram(
    registry,
    "depthcast_delivery_age_seconds",
    "Age of the state at the handing over to the transport, for each update.",
    AGE_BOUNDS,
  );
  return {
    updatesSent(kind, dialect, count) {
      updates[dialect][kind] += count;
    },
    mergedIntervals(count) {
      merged += count;
    },
    flushed: (seconds) => flush.observe(seconds),
    delivered: (ageSeconds, count) => age.observe(ageSeconds, count),
    consumerCutOff(reason) {
      cutOffs[reason] += 1;
    },
  };
}

const TRANSPORTS = ["grpc", "websocket"] as const;

function createTransportMetrics(registry: Registry): TransportMetrics {
  const consumers = zeros(TRANSPORTS);
  const connectedTotal = zeros(TRANSPORTS);
  const bytes = zeros(TRANSPORTS);
  const refused = zeros(TRANSPORTS);
  const perTransport = (values: Record<TransportLabel, number>) => (add: AddSample) => {
    for (const transport of TRANSPORTS) add({ transport }, values[transport]);
  };
  const labels = ["transport"];
  const gauge = new Gauge({
    name: "depthcast_consumers",
    help: "Consumers connected: gRPC streams and WebSocket connections.",
    labelNames: labels,
    registers: [registry],
    collect() {
      perTransport(consumers)((sample, value) => this.set(sample, value));
    },
  });
  void gauge;
  labelledCounter(
    registry,
    "depthcast_consumers_connected_total",
    "Consumers that have connected.",
    labels,
    perTransport(connectedTotal),
  );
  labelledCounter(
    registry,
    "depthcast_sent_bytes_total",
    "Bytes of updates sent.",
    labels,
    perTransport(bytes),
  );
  labelledCounter(
    registry,
    "depthcast_requests_refused_total",
    "Requests of consumers that were refused.",
    labels,
    perTransport(refused),
  );
  const roundTrip = histogram(
    registry,
    "depthcast_websocket_round_trip_seconds",
    "From a WebSocket ping behind data to its pong.",
    AGE_BOUNDS,
  );
  return {
    consumerConnected(transport) {
      consumers[transport] += 1;
      connectedTotal[transport] += 1;
    },
    consumerDisconnected(transport) {
      consumers[transport] -= 1;
    },
    bytesSent(transport, count) {
      bytes[transport] += count;
    },
    requestRefused(transport) {
      refused[transport] += 1;
    },
    roundTrip: (seconds) => roundTrip.observe(seconds),
  };
}

function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
