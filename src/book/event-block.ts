import { MANTISSA_MAX, ORDER_KEY_BYTES_MAX } from "../limits.ts";
import { EventFlag, type OrderEventColumns } from "./order-events.ts";
import type { SeededHash } from "./seeded-hash.ts";

/** Events of a block, a power of two: more than a processor has loads under way at once. */
export const BLOCK_EVENTS = 64;
/** `index & BLOCK_MASK` is an event's place in the block. */
export const BLOCK_MASK = BLOCK_EVENTS - 1;

// Names of this module for what a loop compares with: an imported one is read from memory each time.
const HAS_BOTH = EventFlag.hasPrice | EventFlag.hasQuantity;
const MAGNITUDE_MAX = MANTISSA_MAX;
const KEY_BYTES_MAX = ORDER_KEY_BYTES_MAX;
/** V8 moves arrays of up to 64 bytes about with its heap; of longer ones compiled code knows the address. */
const BYTE_COLUMN = Math.max(BLOCK_EVENTS, 128);

// The block that is being applied, of whatever book of the thread: what is in it is used before `apply` ends.
const actions = new Uint8Array(BYTE_COLUMN);
const flagBits = new Uint8Array(BYTE_COLUMN);
const sides = new Uint8Array(BYTE_COLUMN);
const keyLengths = new Uint8Array(BYTE_COLUMN);
const soundness = new Uint8Array(BYTE_COLUMN);
const lows = new Int32Array(BLOCK_EVENTS);
const highs = new Int32Array(BLOCK_EVENTS);
const hashes = new Int32Array(BLOCK_EVENTS);
const ticks = new Float64Array(BLOCK_EVENTS);
const quantities = new Float64Array(BLOCK_EVENTS);

/**
 * Takes in the events from `from`, a multiple of BLOCK_EVENTS, to below `end`, at most as many further:
 * judges their fields and hashes their names. One loop over all, since there the columns are looked up once
 * and not for each event, and it asks nothing that the processor cannot guess.
 */
export function fillBlock(
  events: OrderEventColumns,
  from: number,
  end: number,
  tickSize: number,
  lotSize: number,
  hash: SeededHash,
): void {
  const { action, flags, side, keyLength, orderIdLow, orderIdHigh, price, quantity } = events;
  for (let index = from; index < end; index++) {
    const at = index - from;
    const low = orderIdLow[index]!;
    const high = orderIdHigh[index]!;
    const keyBytes = keyLength[index]!;
    const flag = flags[index]!;
    const priceMantissa = price[index]!;
    const quantityMantissa = quantity[index]!;
    const priceTicks = priceMantissa / tickSize;
    const lots = quantityMantissa / lotSize;
    const hasId = (low | high) !== 0;
    const isSound =
      (keyBytes === 0 ? hasId : !hasId && keyBytes <= KEY_BYTES_MAX) &&
      flag <= HAS_BOTH &&
      priceMantissa >= -MAGNITUDE_MAX &&
      priceMantissa <= MAGNITUDE_MAX &&
      quantityMantissa >= 0 &&
      quantityMantissa <= MAGNITUDE_MAX &&
      Math.floor(priceTicks) === priceTicks &&
      Math.floor(lots) === lots;
    soundness[at] = isSound ? 1 : 0;
    actions[at] = action[index]!;
    flagBits[at] = flag;
    sides[at] = side[index]!;
    keyLengths[at] = keyBytes;
    lows[at] = low;
    highs[at] = high;
    ticks[at] = priceTicks;
    quantities[at] = quantityMantissa;
    hashes[at] =
      keyBytes === 0
        ? hash.ofWords(low, high)
        : hash.ofBytes(events.keyBytes, events.keyOffset[index]!, keyBytes);
  }
}

// The columns of the block, by place. Whether a column means anything the event's flags tell, as ever.

export function actionAt(at: number): number {
  return actions[at]!;
}

export function flagsAt(at: number): number {
  return flagBits[at]!;
}

export function sideAt(at: number): number {
  return sides[at]!;
}

/**
 * Whether the name is in order, and price and quantity, set or not, are in range and on the grid. Where not,
 * `event-rules.ts` tells which rule is broken, if it is one that matters for the event's action.
 */
export function isSoundAt(at: number): boolean {
  return soundness[at] === 1;
}

export function keyLengthAt(at: number): number {
  return keyLengths[at]!;
}

export function idLowAt(at: number): number {
  return lows[at]!;
}

export function idHighAt(at: number): number {
  return highs[at]!;
}

/** The hash of the name. */
export function hashAt(at: number): number {
  return hashes[at]!;
}

/** The price in ticks. */
export function ticksAt(at: number): number {
  return ticks[at]!;
}

export function quantityAt(at: number): number {
  return quantities[at]!;
}
