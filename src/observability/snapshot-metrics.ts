import type { Registry } from "@prometheus-io/client";
import { counter, gauge, histogram } from "./registered.ts";

export interface SnapshotMetrics {
  /** A book snapshot is on the disk. */
  taken(seconds: number, bytes: number): void;
  /** One could not be taken, or the log not be shortened behind it. */
  failed(): void;
  /** At the start: what was replayed, and how long all of it took. */
  recovered(seconds: number, entries: number): void;
}

const SNAPSHOT_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function createSnapshotMetrics(registry: Registry): SnapshotMetrics {
  let newestBytes = 0;
  let failures = 0;
  let recoverySeconds = 0;
  let recoveryEntries = 0;
  const duration = histogram(
    registry,
    "depthcast_snapshot_seconds",
    "From the beginning of a book snapshot until it is on the disk.",
    SNAPSHOT_BOUNDS,
  );
  counter(
    registry,
    "depthcast_snapshots_failed_total",
    "Book snapshots that could not be taken, or behind which the order log could not be shortened.",
    () => failures,
  );
  gauge(registry, "depthcast_snapshot_bytes", "Size of the newest book snapshot.", () => newestBytes);
  gauge(
    registry,
    "depthcast_recovery_seconds",
    "What it took at the start to come to the state of the order log.",
    () => recoverySeconds,
  );
  gauge(
    registry,
    "depthcast_recovery_entries",
    "Entries of the order log replayed at the start.",
    () => recoveryEntries,
  );
  return {
    taken(seconds, bytes) {
      duration.observe(seconds);
      newestBytes = bytes;
    },
    failed() {
      failures += 1;
    },
    recovered(seconds, entries) {
      recoverySeconds = seconds;
      recoveryEntries = entries;
    },
  };
}
