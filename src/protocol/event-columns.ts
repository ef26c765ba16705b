import type { OrderEventColumns } from "../book/order-events.ts";

/** Events that the columns kept between two batches hold at most (512 KiB); a larger batch gets its own. */
const EVENTS_KEPT = 16 * 1024;
const EVENTS_MIN = 128;
const EVENT_BYTES = 32;
const NO_BYTES = new Uint8Array(0);

let kept = createColumns(EVENTS_MIN);

/** Columns with room for `count` events, with anything in them. They are the same ones again and again. */
export function reuseColumns(count: number): OrderEventColumns {
  if (count <= kept.length) return kept;
  const columns = createColumns(count > EVENTS_KEPT ? count : Math.min(2 * count, EVENTS_KEPT));
  if (count <= EVENTS_KEPT) kept = columns;
  return columns;
}

/** All columns in one buffer, the wide ones first, so that each is aligned. */
function createColumns(length: number): OrderEventColumns {
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
