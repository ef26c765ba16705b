import { DepthcastError, ErrorCode } from "../errors.ts";
import { MANTISSA_MAX, ORDER_KEY_BYTES_MAX } from "../limits.ts";
import type { BookParts } from "./book-parts.ts";
import { isMultiple } from "./event-rules.ts";
import { type BookRules, CrossPolicy } from "./instrument.ts";
import { Side } from "./order-events.ts";
import { OrderKind } from "./order-pool.ts";

/**
 * A whole book as columns, one entry an order, in no particular order. The arrays are exactly as long as
 * needed, each in a buffer of its own, so they can be transferred to a thread or written out as they are.
 * The instrument's rules are not part of it.
 */
export interface BookExport {
  /** Events accepted by the book so far. */
  readonly sequence: number;
  /** Orders. */
  readonly length: number;
  readonly side: Uint8Array;
  /** 1 for the nameless order that SET_LEVEL gives a level, else 0. */
  readonly nameless: Uint8Array;
  /** Price mantissas. */
  readonly price: Float64Array;
  /** Quantity mantissas, above 0. */
  readonly quantity: Float64Array;
  /** Low and high word of the id; both 0 where the order has a key or no name. */
  readonly orderIdLow: Int32Array;
  readonly orderIdHigh: Int32Array;
  /** Bytes of the key; 0 where the order has an id or no name. */
  readonly keyLength: Uint8Array;
  /** Where the key starts in `keyBytes`. */
  readonly keyOffset: Uint32Array;
  readonly keyBytes: Uint8Array;
}

export function exportBook({ orders, index, bids, asks }: BookParts, sequence: number): BookExport {
  const state = createExport(sequence, orders.live, countKeyBytes({ orders }));
  let at = 0;
  let keyEnd = 0;
  for (let slot = 1; slot < orders.usedEnd; slot++) {
    const kind = orders.kind(slot);
    if (kind === OrderKind.free) continue;
    const side = orders.side(slot);
    const ladder = side === Side.bid ? bids : asks;
    state.side[at] = side;
    state.price[at] = ladder.priceOf(ladder.rankAt(orders.level(slot)));
    state.quantity[at] = orders.quantity(slot);
    if (kind === OrderKind.nameless) {
      state.nameless[at] = 1;
    } else if (kind === OrderKind.numbered) {
      state.orderIdLow[at] = orders.nameLow(slot);
      state.orderIdHigh[at] = orders.nameHigh(slot);
    } else {
      const key = index.keyOf(slot);
      state.keyLength[at] = key.length;
      state.keyOffset[at] = keyEnd;
      state.keyBytes.set(key, keyEnd);
      keyEnd += key.length;
    }
    at += 1;
  }
  return state;
}

/**
 * Fills an empty book. Capacities are not judged: they hold for new orders only.
 *
 * @throws DepthcastError `internal` where the state is damaged, or crossed under a policy that forbids it.
 */
export function restoreBook(parts: BookParts, rules: BookRules, state: BookExport): void {
  if (!Number.isSafeInteger(state.sequence) || state.sequence < 0) throw damaged("sequence out of range");
  for (let at = 0; at < state.length; at++) {
    const fault = orderFault(rules, state, at) ?? restoreOrder(parts, state, at);
    if (fault !== undefined) throw damaged(`order ${at}: ${fault}`);
  }
  if (rules.crossPolicy === CrossPolicy.reject && parts.bids.bestRank + parts.asks.bestRank <= 0) {
    throw damaged("locked or crossed although the policy is REJECT");
  }
}

function createExport(sequence: number, length: number, keyBytes: number): BookExport {
  return {
    sequence,
    length,
    side: new Uint8Array(length),
    nameless: new Uint8Array(length),
    price: new Float64Array(length),
    quantity: new Float64Array(length),
    orderIdLow: new Int32Array(length),
    orderIdHigh: new Int32Array(length),
    keyLength: new Uint8Array(length),
    keyOffset: new Uint32Array(length),
    keyBytes: new Uint8Array(keyBytes),
  };
}

function countKeyBytes({ orders }: Pick<BookParts, "orders">): number {
  let bytes = 0;
  for (let slot = 1; slot < orders.usedEnd; slot++) {
    if (orders.kind(slot) === OrderKind.keyed) bytes += orders.nameHigh(slot);
  }
  return bytes;
}

/** What is wrong with the fields of one order, or undefined. */
function orderFault(rules: BookRules, state: BookExport, at: number): string | undefined {
  const side = state.side[at];
  const price = state.price[at]!;
  const quantity = state.quantity[at]!;
  const keyLength = state.keyLength[at]!;
  const hasId = (state.orderIdLow[at]! | state.orderIdHigh[at]!) !== 0;
  const names = (hasId ? 1 : 0) + (keyLength > 0 ? 1 : 0) + (state.nameless[at] === 1 ? 1 : 0);
  if (side !== Side.bid && side !== Side.ask) return "no side";
  if (names !== 1) return "not exactly one name";
  if (keyLength > ORDER_KEY_BYTES_MAX || state.keyOffset[at]! + keyLength > state.keyBytes.length) {
    return "key out of range";
  }
  if (!Number.isSafeInteger(price) || !isMultiple(price, Math.max(1, rules.tickSize))) return "bad price";
  if (!Number.isSafeInteger(quantity) || quantity <= 0) return "bad quantity";
  if (!isMultiple(quantity, Math.max(1, rules.lotSize))) return "quantity off the lot size";
  return undefined;
}

function restoreOrder(parts: BookParts, state: BookExport, at: number): string | undefined {
  const { orders, index } = parts;
  const side = state.side[at]! as Side;
  const ladder = side === Side.bid ? parts.bids : parts.asks;
  const quantity = state.quantity[at]!;
  const rank = ladder.rankOf(state.price[at]!);
  const found = ladder.find(rank);
  if (found !== 0 && ladder.levels.total(found) + quantity > MANTISSA_MAX) return "level total over 2^53 - 1";
  const isNameless = state.nameless[at] === 1;
  if (isNameless && found !== 0 && ladder.levels.nameless(found) !== 0) return "second nameless order";

  const low = state.orderIdLow[at]!;
  const high = state.orderIdHigh[at]!;
  const keyOffset = state.keyOffset[at]!;
  const keyLength = state.keyLength[at]!;
  const isKeyed = keyLength > 0;
  const hash = isKeyed ? index.hashOfKey(state.keyBytes, keyOffset, keyLength) : index.hashOfId(low, high);
  const taken = isKeyed
    ? index.findKey(state.keyBytes, keyOffset, keyLength, hash)
    : index.findId(low, high, hash);
  if (!isNameless && taken !== 0) return "name used twice";

  const level = found === 0 ? ladder.open(rank) : found;
  ladder.addOrder(level, quantity);
  const slot = orders.allocate();
  if (isNameless) {
    orders.set(slot, OrderKind.nameless, side, level, quantity, 0, 0);
    ladder.levels.setNameless(level, slot);
    return undefined;
  }
  if (isKeyed) {
    const reference = index.keys.store(state.keyBytes, keyOffset, keyLength);
    orders.set(slot, OrderKind.keyed, side, level, quantity, reference, keyLength);
  } else {
    orders.set(slot, OrderKind.numbered, side, level, quantity, low, high);
  }
  index.insert(slot, hash);
  return undefined;
}

function damaged(what: string): DepthcastError {
  return new DepthcastError(
    ErrorCode.internal,
    `the stored book is damaged (${what}); use an older snapshot or replay the order log from its start`,
  );
}
