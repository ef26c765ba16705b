import type { Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { ClientBook } from "./client-book.ts";
import type { SnapshotUpdate } from "./market-update.ts";

/**
 * A book out of one snapshot that was asked for, checked like any other.
 *
 * @throws DepthcastError `internal` where a check fails.
 */
export function bookOfSnapshot(instrument: Instrument, snapshot: SnapshotUpdate, depth: number): ClientBook {
  const { viewId, symbol } = snapshot;
  const view = { viewId, symbol, instrument, depth, intervalMs: 0, heartbeatIntervalMs: 0 };
  const book = new ClientBook({ type: "subscribed", id: "", resumed: false, ...view });
  const verdict = book.apply(snapshot);
  if (verdict.outcome === "applied") return book;
  const why = verdict.outcome === "breach" ? `${verdict.breach}: ${verdict.detail}` : verdict.outcome;
  throw new DepthcastError(ErrorCode.internal, `the server sent a wrong snapshot of ${symbol} (${why})`);
}
