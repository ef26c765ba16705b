import type { BookRules } from "../../src/book/instrument.ts";

/**
 * A book that is written to be obviously right, as PROTOCOL section 2 reads: maps, sums made anew at each
 * question, no shared code with the book under test. Where an event breaks several rules the verdict is the
 * first of: bad fields, then duplicate or unknown order, then more taken off than remains, then crossing,
 * then capacity.
 */

/** The numbers of the wire, written out again on purpose. */
const ADD = 1;
const UPDATE = 2;
const DELETE = 3;
const REDUCE = 4;
const SET_LEVEL = 5;
const CLEAR = 6;
const BID = 1;
const ASK = 2;
const REJECT = 1;
const DUPLICATE_ORDER = 1;
const UNKNOWN_ORDER = 2;
const INVALID_EVENT = 3;
const CROSSED_BOOK = 4;
const CAPACITY = 5;
const LARGEST = 2 ** 53 - 1;

/** An order event as tests write it. What is absent is not set; numbers may be out of range on purpose. */
export interface TestOrderEvent {
  /** 1 ADD, 2 UPDATE, 3 DELETE, 4 REDUCE, 5 SET_LEVEL, 6 CLEAR; anything else is an unknown action. */
  readonly action: number;
  /** 0 = none. */
  readonly id?: bigint;
  /** Empty = none. */
  readonly key?: string;
  /** 1 bid, 2 ask. */
  readonly side?: number;
  readonly price?: number;
  readonly quantity?: number;
}

interface NaiveOrder {
  readonly name: string;
  readonly side: number;
  price: number;
  quantity: number;
}

/** Price mantissa, quantity mantissa, number of orders. */
export type NaiveLevel = readonly [price: number, quantity: number, orderCount: number];

export class NaiveBook {
  rules: BookRules;
  /** Events accepted. */
  sequence = 0;
  /** All live orders by name; the nameless one of a level is called "nameless:side:price". */
  readonly orders = new Map<string, NaiveOrder>();
  /** For each side, price to the orders there by name. */
  readonly #levels = { [BID]: new Map<number, Map<string, NaiveOrder>>(), [ASK]: new Map() } as Record<
    number,
    Map<number, Map<string, NaiveOrder>>
  >;

  constructor(rules: BookRules) {
    this.rules = rules;
  }

  /** The reason why the event is refused (1 to 5), or 0. */
  apply(event: TestOrderEvent): number {
    const verdict = this.#judgeAndApply(event);
    if (verdict === 0) this.sequence += 1;
    return verdict;
  }

  /** The best `levels` levels, best first. */
  top(side: number, levels: number): NaiveLevel[] {
    const prices = [...this.#levels[side]!.keys()].toSorted((a, b) => (side === BID ? b - a : a - b));
    return prices
      .slice(0, levels)
      .map((price) => [
        price,
        Number(sumOf(this.#levels[side]!.get(price)!)),
        this.#levels[side]!.get(price)!.size,
      ]);
  }

  best(side: number): number | undefined {
    let best: number | undefined;
    for (const price of this.#levels[side]!.keys()) {
      if (best === undefined || (side === BID ? price > best : price < best)) best = price;
    }
    return best;
  }

  levelCount(side: number): number {
    return this.#levels[side]!.size;
  }

  /** 1 open, 2 locked, 3 crossed. */
  state(): number {
    const bid = this.best(BID);
    const ask = this.best(ASK);
    if (bid === undefined || ask === undefined || bid < ask) return 1;
    return bid === ask ? 2 : 3;
  }

  setCrossPolicy(crossPolicy: BookRules["crossPolicy"]): boolean {
    if (crossPolicy === REJECT && this.state() !== 1) return false;
    this.rules = { ...this.rules, crossPolicy };
    return true;
  }

  #judgeAndApply(event: TestOrderEvent): number {
    switch (event.action) {
      case ADD:
        return this.#add(event);
      case UPDATE:
        return this.#update(event);
      case DELETE:
        return nameOf(event) === undefined ? INVALID_EVENT : this.#delete(event);
      case REDUCE:
        return this.#reduce(event);
      case SET_LEVEL:
        return this.#setLevel(event);
      case CLEAR:
        this.orders.clear();
        this.#levels[BID]!.clear();
        this.#levels[ASK]!.clear();
        return 0;
      default:
        return INVALID_EVENT;
    }
  }

  #add(event: TestOrderEvent): number {
    const name = nameOf(event);
    if (name === undefined || !isSide(event.side)) return INVALID_EVENT;
    if (!this.#isPrice(event.price) || !this.#isQuantity(event.quantity)) return INVALID_EVENT;
    if (event.quantity === 0) return INVALID_EVENT;
    if (this.orders.has(name)) return DUPLICATE_ORDER;
    return this.#change(undefined, {
      name,
      side: event.side,
      price: event.price + 0,
      quantity: event.quantity,
    });
  }

  #update(event: TestOrderEvent): number {
    const name = nameOf(event);
    if (name === undefined) return INVALID_EVENT;
    if (event.price === undefined && event.quantity === undefined) return INVALID_EVENT;
    if (event.quantity !== undefined && !this.#isQuantity(event.quantity)) return INVALID_EVENT;
    if (event.quantity === 0) return this.#delete(event);
    if (event.price !== undefined && !this.#isPrice(event.price)) return INVALID_EVENT;
    const order = this.orders.get(name);
    if (order === undefined) return UNKNOWN_ORDER;
    const price = event.price ?? order.price;
    return this.#change(order, { ...order, price: price + 0, quantity: event.quantity ?? order.quantity });
  }

  #delete(event: TestOrderEvent): number {
    const order = this.orders.get(nameOf(event)!);
    if (order === undefined) return UNKNOWN_ORDER;
    this.#take(order);
    return 0;
  }

  #reduce(event: TestOrderEvent): number {
    const name = nameOf(event);
    if (name === undefined || !this.#isQuantity(event.quantity) || event.quantity === 0) return INVALID_EVENT;
    const order = this.orders.get(name);
    if (order === undefined) return UNKNOWN_ORDER;
    if (event.quantity > order.quantity) return INVALID_EVENT;
    this.#take(order);
    if (event.quantity < order.quantity) {
      this.#put({ ...order, quantity: order.quantity - event.quantity });
    }
    return 0;
  }

  #setLevel(event: TestOrderEvent): number {
    if (!isSide(event.side) || !this.#isPrice(event.price) || !this.#isQuantity(event.quantity)) {
      return INVALID_EVENT;
    }
    const price = event.price + 0;
    const name = `nameless:${event.side}:${price}`;
    const order = this.orders.get(name);
    if (event.quantity > 0) {
      return this.#change(order, { name, side: event.side, price, quantity: event.quantity });
    }
    if (order !== undefined) this.#take(order);
    return 0;
  }

  /** Does it, looks at the book, and undoes it where the book must not be like that. */
  #change(before: NaiveOrder | undefined, after: NaiveOrder): number {
    if (before !== undefined) this.#take(before);
    this.#put(after);
    const verdict = this.#judgeBook(after);
    if (verdict !== 0) {
      this.#take(after);
      if (before !== undefined) this.#put(before);
    }
    return verdict;
  }

  #judgeBook(changed: NaiveOrder): number {
    if (this.rules.crossPolicy === REJECT && this.state() !== 1) return CROSSED_BOOK;
    if (this.orders.size > this.rules.liveOrdersMax) return CAPACITY;
    if (this.#levels[changed.side]!.size > this.rules.levelsPerSideMax) return CAPACITY;
    const level = this.#levels[changed.side]!.get(changed.price)!;
    return sumOf(level) > BigInt(LARGEST) ? CAPACITY : 0;
  }

  #take(order: NaiveOrder): void {
    this.orders.delete(order.name);
    const level = this.#levels[order.side]!.get(order.price)!;
    level.delete(order.name);
    if (level.size === 0) this.#levels[order.side]!.delete(order.price);
  }

  #put(order: NaiveOrder): void {
    this.orders.set(order.name, order);
    const side = this.#levels[order.side]!;
    if (!side.has(order.price)) side.set(order.price, new Map());
    side.get(order.price)!.set(order.name, order);
  }

  #isPrice(price: number | undefined): price is number {
    return price !== undefined && Math.abs(price) <= LARGEST && isOnGrid(price, this.rules.tickSize);
  }

  #isQuantity(quantity: number | undefined): quantity is number {
    return quantity !== undefined && quantity <= LARGEST && isOnGrid(quantity, this.rules.lotSize);
  }
}

/** Undefined where the event does not name exactly one order. */
function nameOf(event: TestOrderEvent): string | undefined {
  const hasId = event.id !== undefined && event.id !== 0n;
  const hasKey = event.key !== undefined && event.key !== "";
  if (hasId === hasKey) return undefined;
  if (hasId) return `id:${event.id}`;
  return Buffer.byteLength(event.key!) > 64 ? undefined : `key:${event.key}`;
}

function isSide(side: number | undefined): side is number {
  return side === BID || side === ASK;
}

function isOnGrid(value: number, unit: number): boolean {
  return unit === 0 || BigInt(value) % BigInt(unit) === 0n;
}

function sumOf(level: ReadonlyMap<string, NaiveOrder>): bigint {
  let sum = 0n;
  for (const order of level.values()) sum += BigInt(order.quantity);
  return sum;
}
