import { encodeMessage } from "./proto-files.ts";
import { Random } from "./random.ts";

/**
 * An endless flow of orders for several symbols, made of batches that are encoded once. Each symbol has SLOTS
 * sets of orders in a ring: a batch adds the next set and takes away the one that has stood for LIVE_SLOTS
 * batches. So batch `n` follows from `n` alone, and can be sent again after a broken connection.
 */

const SLOTS = 32;
const LIVE_SLOTS = 8;
const ORDERS_PER_SLOT = 50;
const MID_PRICE = 1_000_000;
const SPREAD = 8;

export class SoakFlow {
  readonly #symbols: readonly string[];
  /** By symbol and slot. */
  readonly #adds: readonly Buffer[][];
  readonly #turns: readonly Buffer[][];
  readonly #producerId: Buffer;

  constructor(symbols: readonly string[], producerId: string, seed: number) {
    const random = new Random(seed);
    this.#symbols = symbols;
    this.#producerId = field(3, Buffer.from(producerId));
    const orders = symbols.map(() => Array.from({ length: SLOTS }, (_, slot) => createOrders(random, slot)));
    this.#adds = symbols.map((symbol, index) =>
      Array.from({ length: LIVE_SLOTS }, (_, slot) => encode(symbol, orders[index]?.[slot]?.adds ?? [])),
    );
    this.#turns = symbols.map((symbol, index) =>
      Array.from({ length: SLOTS }, (_, slot) => {
        const gone = orders[index]?.[(slot + SLOTS - LIVE_SLOTS) % SLOTS]?.deletes ?? [];
        return encode(symbol, [...gone, ...(orders[index]?.[slot]?.adds ?? [])]);
      }),
    );
  }

  /** How many batches begin the books, before each batch has as many deletions as additions. */
  get firstBatches(): number {
    return LIVE_SLOTS * this.#symbols.length;
  }

  eventsOf(batchNumber: number): number {
    return batchNumber <= this.firstBatches ? ORDERS_PER_SLOT : 2 * ORDERS_PER_SLOT;
  }

  /** @param batchNumber from 1 */
  batch(batchNumber: number): Buffer {
    const index = batchNumber - 1;
    const round = Math.floor(index / this.#symbols.length);
    const symbol = index % this.#symbols.length;
    const events = round < LIVE_SLOTS ? this.#adds[symbol]?.[round] : this.#turns[symbol]?.[round % SLOTS];
    const number = [0x20, ...varint(batchNumber)];
    return Buffer.concat([events as Buffer, this.#producerId, Buffer.from(number)]);
  }
}

interface SlotOrders {
  readonly adds: readonly object[];
  readonly deletes: readonly object[];
}

function createOrders(random: Random, slot: number): SlotOrders {
  const adds = [];
  const deletes = [];
  for (let order = 0; order < ORDERS_PER_SLOT; order += 1) {
    const orderId = String(1 + slot * ORDERS_PER_SLOT + order);
    const isBid = order % 2 === 0;
    const distance = 1 + random.geometric(SPREAD);
    adds.push({
      action: "ORDER_ACTION_ADD",
      orderId,
      side: isBid ? "SIDE_BID" : "SIDE_ASK",
      price: String(isBid ? MID_PRICE - distance : MID_PRICE + distance),
      quantity: String(1 + random.geometric(500)),
    });
    deletes.push({ action: "ORDER_ACTION_DELETE", orderId });
  }
  return { adds, deletes };
}

function encode(symbol: string, events: readonly object[]): Buffer {
  return encodeMessage("depthcast.v1.IngestRequest", { symbol, events });
}

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const bytes = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return [...bytes, rest];
}
