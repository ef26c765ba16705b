import type { OrderEventColumns } from "../book/order-events.ts";
import { invariant } from "../errors.ts";
import {
  BATCH_HEADER_BYTES,
  decodeRecord,
  isPlainBatch,
  PLAIN_RECORD_EVENT_BYTES,
  plainColumns,
  RecordKind,
} from "./record.ts";

/** Records up to this size are read through the workspace. */
const WORKSPACE_BYTES = 2048;
const EVENTS_MAX = Math.floor((WORKSPACE_BYTES - BATCH_HEADER_BYTES) / PLAIN_RECORD_EVENT_BYTES);

/** What an engine needs of a batch. */
export interface BatchToApply {
  readonly instrument: number;
  readonly sourceTimeLow: number;
  readonly sourceTimeHigh: number;
  readonly events: OrderEventColumns;
}

/**
 * Reads batch records one after the other. What it returns is good until the next one: small batches are
 * copied into one place, where the views on their columns are there already, as making ten views costs more than
 * applying a single event.
 */
export class BatchReader {
  readonly #buffer = new ArrayBuffer(WORKSPACE_BYTES);
  readonly #bytes = new Uint8Array(this.#buffer);
  readonly #words = new Int32Array(this.#buffer);
  /** By event count; batches without keys. */
  readonly #columns: (OrderEventColumns | undefined)[] = Array.from({ length: EVENTS_MAX + 1 });

  /** @throws DepthcastError `internal` where the bytes are no record that this build knows. */
  read(record: ArrayBuffer): BatchToApply {
    const { byteLength } = record;
    if (byteLength > WORKSPACE_BYTES || byteLength < BATCH_HEADER_BYTES) return decodeBatch(record);
    const words = this.#words;
    this.#bytes.set(new Uint8Array(record));
    if (!isPlainBatch(words, byteLength)) return decodeBatch(record);
    const count = words[8] as number;
    const events = (this.#columns[count] ??= plainColumns(this.#buffer, count));
    return {
      instrument: words[3] as number,
      sourceTimeLow: words[6] as number,
      sourceTimeHigh: words[7] as number,
      events,
    };
  }
}

function decodeBatch(record: ArrayBuffer): BatchToApply {
  const batch = decodeRecord(record);
  invariant(batch.kind === RecordKind.batch, "an engine applies batches");
  return batch;
}
