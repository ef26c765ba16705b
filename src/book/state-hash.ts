import type { BookParts } from "./book-parts.ts";
import type { BookRules } from "./instrument.ts";
import type { Ladder } from "./ladder.ts";
import { Side } from "./order-events.ts";
import { OrderKind } from "./order-pool.ts";

/** What a digest is of, so that an order never looks like a level. */
const ItemKind = { head: 0, order: 1, level: 2 } as const;

/** Odd constants and rotations of the four lanes: those of MurmurHash3 x86 128. */
const FACTORS = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;

/**
 * A hash of all that a book is: orders with their names, levels, sequence and rules. Each item is hashed by
 * itself and the hashes are added up, so neither the order of the records, nor slot numbers, nor the seed
 * of the index plays a part. It tells states apart that differ by accident; it is no defence against forgery.
 *
 * @returns 32 hexadecimal digits.
 */
export function stateHash(parts: BookParts, rules: BookRules, sequence: number): string {
  const sum = new Uint32Array(4);
  const item = new ItemHash();
  item.begin(ItemKind.head);
  item.number(sequence);
  item.number(rules.crossPolicy);
  item.number(rules.tickSize);
  item.number(rules.lotSize);
  item.number(rules.liveOrdersMax);
  item.number(rules.levelsPerSideMax);
  item.addTo(sum);
  addOrders(parts, item, sum);
  addLevels(parts.bids, item, sum);
  addLevels(parts.asks, item, sum);
  return Array.from(sum, (lane) => lane.toString(16).padStart(8, "0")).join("");
}

function addOrders({ orders, index, bids, asks }: BookParts, item: ItemHash, sum: Uint32Array): void {
  for (let slot = 1; slot < orders.usedEnd; slot++) {
    const kind = orders.kind(slot);
    if (kind === OrderKind.free) continue;
    const side = orders.side(slot);
    const ladder = side === Side.bid ? bids : asks;
    item.begin(ItemKind.order);
    item.word(kind | (side << 2));
    item.number(ladder.priceOf(ladder.rankAt(orders.level(slot))));
    item.number(orders.quantity(slot));
    if (kind === OrderKind.numbered) {
      item.word(orders.nameLow(slot));
      item.word(orders.nameHigh(slot));
    } else if (kind === OrderKind.keyed) {
      for (const byte of index.keyOf(slot)) item.word(byte);
    }
    item.addTo(sum);
  }
}

function addLevels(ladder: Ladder, item: ItemHash, sum: Uint32Array): void {
  const price = new Float64Array(ladder.levelCount);
  const quantity = new Float64Array(ladder.levelCount);
  const orderCount = new Uint32Array(ladder.levelCount);
  const levels = ladder.copyTop(ladder.levelCount, price, quantity, orderCount);
  for (let i = 0; i < levels; i++) {
    item.begin(ItemKind.level);
    item.word(ladder.side);
    item.number(price[i]!);
    item.number(quantity[i]!);
    item.word(orderCount[i]!);
    item.addTo(sum);
  }
}

/** Hashes one sequence of words into four lanes. */
class ItemHash {
  readonly #lanes = new Int32Array(4);
  #words = 0;

  begin(kind: number): void {
    this.#lanes.set(FACTORS);
    this.#words = 0;
    this.word(kind);
  }

  /** A safe integer. */
  number(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / 0x1_0000_0000));
  }

  word(word: number): void {
    const lanes = this.#lanes;
    this.#words += 1;
    // Each lane takes in its neighbour too, so the lanes are not four copies of one weak hash.
    for (let lane = 0; lane < 4; lane++) {
      let mixed = Math.imul(word, FACTORS[lane]!);
      mixed = Math.imul((mixed << 15) | (mixed >>> 17), FACTORS[(lane + 1) & 3]!);
      mixed ^= lanes[lane]!;
      mixed = ((mixed << 13) | (mixed >>> 19)) + lanes[(lane + 1) & 3]!;
      lanes[lane] = Math.imul(mixed, 5) + 0x561ccd1b;
    }
  }

  addTo(sum: Uint32Array): void {
    this.word(this.#words);
    this.word(0);
    for (let lane = 0; lane < 4; lane++) {
      let mixed = this.#lanes[lane]!;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      sum[lane] = sum[lane]! + (mixed ^ (mixed >>> 16));
    }
  }
}
