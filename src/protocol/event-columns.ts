import type { OrderEventColumns } from "../book/order-events.ts";

/** Events that the columns kept between two batches hold at most (512 KiB); a larger batch gets its own. */
const EVENTS_KEPT = 16 * 1024;
const EVENTS_MIN = 128;
const EVENT_BYTES = 32;
const NO_BYTES = new Uint8Array(0);

/** Columns of which the decoder says anew what is in them, batch by batch. */
export interface ReusedColumns extends OrderEventColumns {
  length: number;
  keyBytes: Uint8Array;
}

let kept = createColumns(EVENTS_MIN);

/**
 * Columns with room for `count` events, with anything in them. They are the same ones again and again, the
 * object too.
 */
export function reuseColumns(count: number): ReusedColumns {
  return count <= kept.price.length ? kept : largerColumns(count);
}

function largerColumns(count: number): ReusedColumns {
  if (count > EVENTS_KEPT) return createColumns(count);
  kept = createColumns(Math.min(2 * count, EVENTS_KEPT));
  return kept;
}

/** All columns in one buffer, the wide ones first, so that each is aligned. */
function createColumns(length: number): ReusedColumns {
  const buffer = new ArrayBuffer(length * EVENT_BYTES);
  let offset = 0;
  const next = (bytes: number) => (offset += length * bytes) - length * bytes;
  return {
    length,
    price: new Float64Array(buffer, next(8), length),
    quantity: new Float64Array(buffer, next(8), length),
    orderIdLow: new Int32Array(buffer, next(4), length),
    orderIdHigh: new Int32Array(buffer, next(4), length),
    keyOffset: new Uint32Array(buffer, next(4), length),
    action: new Uint8Array(buffer, next(1), length),
    side: new Uint8Array(buffer, next(1), length),
    flags: new Uint8Array(buffer, next(1), length),
    keyLength: new Uint8Array(buffer, next(1), length),
    keyBytes: NO_BYTES,
  };
}
