import { MANTISSA_MAX } from "../limits.ts";
import type { BookExport } from "./book-export.ts";
import { exportBook, restoreBook } from "./book-export.ts";
import type { BookParts } from "./book-parts.ts";
import { BookState } from "./depth.ts";
import {
  actionAt,
  BLOCK_EVENTS,
  BLOCK_MASK,
  fillBlock,
  flagsAt,
  hashAt,
  idHighAt,
  idLowAt,
  isSoundAt,
  keyLengthAt,
  quantityAt,
  sideAt,
  ticksAt,
} from "./event-block.ts";
import {
  addFault,
  isMultiple,
  nameFault,
  priceFault,
  quantityFault,
  sideFault,
  updateFault,
  type Verdict,
} from "./event-rules.ts";
import { type BookRules, CrossPolicy } from "./instrument.ts";
import { Ladder } from "./ladder.ts";
import { EventFlag, OrderAction, type OrderEventColumns, Side } from "./order-events.ts";
import { OrderIndex } from "./order-index.ts";
import { OrderKind, OrderPool } from "./order-pool.ts";
import { positionAheadAt, ReadAhead, slotAheadAt } from "./read-ahead.ts";
import { type BatchTally, RejectRule } from "./rejection.ts";
import { type SeededHash, seededHash } from "./seeded-hash.ts";
import { stateHash } from "./state-hash.ts";

// Names of this module for what each event is compared with: an imported one is read from memory each time.
const { add: ADD, update: UPDATE, delete: DELETE } = OrderAction;
const { bid: BID, ask: ASK } = Side;
const OTHER_SIDE = BID ^ ASK;
const { hasPrice: HAS_PRICE, hasQuantity: HAS_QUANTITY } = EventFlag;
const HAS_BOTH = HAS_PRICE | HAS_QUANTITY;
const { keyed: KEYED, numbered: NUMBERED, nameless: NAMELESS } = OrderKind;
const { reject: REJECT_CROSSING } = CrossPolicy;
const TOTAL_MAX = MANTISSA_MAX;

/**
 * All live orders of one instrument, and their sum at each price.
 *
 * What an event does is a pure function of the rules and the events before it; the seed of the hashes
 * changes nothing that can be seen. A refused event leaves no trace. Where an event breaks several rules the
 * first of this order is reported:
 * 1. the action is known;
 * 2. the name: not twice, key not too long, not missing;
 * 3. the fields in the order side, price, quantity: set, in range, on the grid, above 0 where it must be
 *    (for UPDATE quantity before price, since a quantity of 0 deletes and the price is then ignored);
 * 4. the order: DUPLICATE_ORDER, UNKNOWN_ORDER, more taken off than remains;
 * 5. CROSSED_BOOK;
 * 6. CAPACITY: orders, levels, the level's total.
 *
 * Beyond PROTOCOL section 2: a REDUCE by 0 is refused (`quantityZero`), since it is no execution; an UPDATE
 * that changes nothing is accepted.
 *
 * One thread owns a book; nothing here is shared.
 */
export class OrderBook {
  /** The stores inside, for `checkIntegrity`, the state hash and the export. Nobody else reads them. */
  readonly parts: BookParts;
  readonly #orders: OrderPool;
  readonly #index: OrderIndex;
  readonly #bids: Ladder;
  readonly #asks: Ladder;
  /** By side. An array, since the processor cannot guess which side the next event is on. */
  readonly #ladders: readonly Ladder[];
  readonly #ahead: ReadAhead;
  readonly #hash: SeededHash;
  readonly #tickSize: number;
  readonly #lotSize: number;
  #rules: BookRules;
  #sequence = 0;

  /** `hashSeed`: 32 random bits that strangers do not know, the same for all books of a process. */
  constructor(rules: BookRules, hashSeed: number) {
    const hash = seededHash(hashSeed);
    this.#rules = rules;
    this.#hash = hash;
    this.#tickSize = Math.max(1, rules.tickSize);
    this.#lotSize = Math.max(1, rules.lotSize);
    this.#orders = new OrderPool();
    this.#index = new OrderIndex(this.#orders, hash);
    this.#bids = new Ladder(Side.bid, this.#tickSize, hash);
    this.#asks = new Ladder(Side.ask, this.#tickSize, hash);
    this.#ladders = [this.#bids, this.#bids, this.#asks];
    this.parts = { orders: this.#orders, index: this.#index, bids: this.#bids, asks: this.#asks };
    this.#ahead = new ReadAhead(this.parts);
  }

  /**
   * A book as it was exported, under rules that may have another crossing policy or other capacities.
   *
   * @throws DepthcastError `internal` where the export is damaged or breaks the rules.
   */
  static restore(rules: BookRules, state: BookExport, hashSeed: number): OrderBook {
    const book = new OrderBook(rules, hashSeed);
    restoreBook(book.parts, rules, state);
    book.#sequence = state.sequence;
    return book;
  }

  get rules(): BookRules {
    return this.#rules;
  }

  /** Events accepted so far, those without effect included. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Orders in the book, the nameless ones of SET_LEVEL included. */
  get liveOrders(): number {
    return this.#orders.live;
  }

  isEmpty(): boolean {
    return this.#orders.live === 0;
  }

  levelCount(side: Side): number {
    return this.#ladder(side).levelCount;
  }

  /** Price mantissa. */
  bestBid(): number | undefined {
    return this.#bids.bestPrice();
  }

  /** Price mantissa. */
  bestAsk(): number | undefined {
    return this.#asks.bestPrice();
  }

  state(): BookState {
    // Ranks: the bid's is the negated price. Infinity where a side is empty.
    const gap = this.#bids.bestRank + this.#asks.bestRank;
    if (gap > 0) return BookState.open;
    return gap === 0 ? BookState.locked : BookState.crossed;
  }

  /**
   * Writes the best `levels` levels of a side, best first, from index 0; the columns must hold as many.
   * Returns how many there were.
   */
  copyTop(
    side: Side,
    levels: number,
    price: Float64Array,
    quantity: Float64Array,
    orderCount: Uint32Array,
  ): number {
    return this.#ladder(side).copyTop(levels, price, quantity, orderCount);
  }

  /** The total of the level at a price mantissa, 0 where there is none. */
  quantityAt(side: Side, priceMantissa: number): number {
    const ladder = this.#ladder(side);
    const level = this.#levelAt(ladder, priceMantissa);
    return level === 0 ? 0 : ladder.levels.total(level);
  }

  /** The number of orders at a price mantissa. */
  orderCountAt(side: Side, priceMantissa: number): number {
    const ladder = this.#ladder(side);
    const level = this.#levelAt(ladder, priceMantissa);
    return level === 0 ? 0 : ladder.levels.count(level);
  }

  /** Changes the crossing policy. False, and nothing changed, for REJECT while the book is locked or crossed. */
  setCrossPolicy(policy: CrossPolicy): boolean {
    if (policy === CrossPolicy.reject && this.state() !== BookState.open) return false;
    this.#rules = { ...this.#rules, crossPolicy: policy };
    return true;
  }

  /** Changes the capacities, which hold for new orders and levels only. */
  setCapacities(liveOrdersMax: number, levelsPerSideMax: number): void {
    this.#rules = { ...this.#rules, liveOrdersMax, levelsPerSideMax };
  }

  /** The whole state as typed arrays that share no memory with the book. */
  exportState(): BookExport {
    return exportBook(this.parts, this.#sequence);
  }

  /** 128 bits in hex over the whole state; the same for equal books, whatever their seeds and histories. */
  stateHash(): string {
    return stateHash(this.parts, this.#rules, this.#sequence);
  }

  /** Applies all events in order. Refusals go to the tally, accepted events are added to it. */
  apply(events: OrderEventColumns, tally: BatchTally): void {
    let accepted = 0;
    for (let from = 0; from < events.length; from += BLOCK_EVENTS) {
      const end = Math.min(from + BLOCK_EVENTS, events.length);
      fillBlock(events, from, end, this.#tickSize, this.#lotSize, this.#hash);
      this.#ahead.read(end - from);
      for (let index = from; index < end; index++) {
        const action = actionAt(index & BLOCK_MASK);
        let verdict: Verdict;
        if (action === ADD) verdict = this.#add(events, index);
        else if (action === DELETE) verdict = this.#delete(events, index);
        else if (action === UPDATE) verdict = this.#update(events, index);
        else verdict = this.#applyRare(events, index);
        if (verdict === 0) accepted += 1;
        else tally.reject(index, verdict);
      }
    }
    this.#sequence += accepted;
    tally.acceptedEvents += accepted;
  }

  /** What order-by-order feeds hardly have. Apart, since V8 makes one function of `apply` only up to a size. */
  #applyRare(events: OrderEventColumns, index: number): Verdict {
    switch (events.action[index]) {
      case OrderAction.reduce:
        return this.#reduce(events, index);
      case OrderAction.setLevel:
        return this.#setLevel(events, index);
      case OrderAction.clear:
        this.#clear();
        return 0;
      default:
        return RejectRule.unknownAction;
    }
  }

  #add(events: OrderEventColumns, index: number): Verdict {
    const at = index & BLOCK_MASK;
    const side = sideAt(at) as Side;
    const quantity = quantityAt(at);
    if (!isSoundAt(at) || flagsAt(at) !== HAS_BOTH || !(side === BID || side === ASK) || quantity === 0) {
      const fault = addFault(events, index, this.#tickSize, this.#lotSize);
      if (fault !== 0) return fault;
    }
    if (this.#find(events, index) !== 0) return RejectRule.duplicateOrder;

    const ladder = this.#ladders[side]!;
    const rank = ticksAt(at) * ladder.sign + 0;
    if (this.#wouldCross(side, rank)) return RejectRule.wouldCross;
    if (this.#orders.live >= this.#rules.liveOrdersMax) return RejectRule.ordersFull;
    const level = ladder.find(rank);
    const lacking = this.#lackingRoom(ladder, level, quantity, 0);
    if (lacking !== 0) return lacking;

    const handle = level === 0 ? ladder.open(rank) : level;
    ladder.addOrder(handle, quantity);
    const slot = this.#orders.allocate();
    if (keyLengthAt(at) > 0) this.#setKeyed(events, index, slot, side, handle);
    else this.#orders.set(slot, NUMBERED, side, handle, quantity, idLowAt(at), idHighAt(at));
    this.#index.insert(slot, hashAt(at));
    return 0;
  }

  /** Fills the record of an order named by a key. */
  #setKeyed(events: OrderEventColumns, index: number, slot: number, side: Side, level: number): void {
    const { keyBytes, keyOffset, keyLength, quantity } = events;
    const reference = this.#index.keys.store(keyBytes, keyOffset[index]!, keyLength[index]!);
    this.#orders.set(slot, KEYED, side, level, quantity[index]!, reference, keyLength[index]!);
  }

  #update(events: OrderEventColumns, index: number): Verdict {
    const at = index & BLOCK_MASK;
    const flags = flagsAt(at);
    if (!isSoundAt(at) || flags === 0) {
      const fault = updateFault(events, index, this.#tickSize, this.#lotSize);
      if (fault !== 0) return fault;
    }
    const setsQuantity = (flags & HAS_QUANTITY) !== 0;
    let quantity = quantityAt(at);
    if (setsQuantity && quantity === 0) return this.#delete(events, index);
    const slot = this.#findNamed(events, index);
    if (slot === 0) return RejectRule.unknownOrder;
    if (!setsQuantity) quantity = this.#orders.quantity(slot);
    return (flags & HAS_PRICE) !== 0
      ? this.#move(slot, events.price[index]!, quantity)
      : this.#resize(slot, quantity);
  }

  #delete(events: OrderEventColumns, index: number): Verdict {
    const at = index & BLOCK_MASK;
    if (!isSoundAt(at)) {
      const fault = nameFault(events, index);
      if (fault !== 0) return fault;
    }
    const slot = this.#findNamed(events, index);
    if (slot === 0) return RejectRule.unknownOrder;
    this.#remove(slot, hashAt(at));
    return 0;
  }

  #reduce(events: OrderEventColumns, index: number): Verdict {
    const fault = nameFault(events, index) || quantityFault(events, index, this.#lotSize);
    if (fault !== 0) return fault;
    const taken = events.quantity[index]!;
    if (taken === 0) return RejectRule.quantityZero;
    const slot = this.#findNamed(events, index);
    if (slot === 0) return RejectRule.unknownOrder;
    const remaining = this.#orders.quantity(slot) - taken;
    if (remaining < 0) return RejectRule.reduceOverRemaining;
    if (remaining > 0) return this.#resize(slot, remaining);
    this.#remove(slot, hashAt(index & BLOCK_MASK));
    return 0;
  }

  #setLevel(events: OrderEventColumns, index: number): Verdict {
    const side = events.side[index]! as Side;
    const fault =
      sideFault(events, index) ||
      priceFault(events, index, this.#tickSize) ||
      quantityFault(events, index, this.#lotSize);
    if (fault !== 0) return fault;
    const quantity = events.quantity[index]!;
    const ladder = this.#ladder(side);
    const rank = ladder.rankOf(events.price[index]!);
    const level = ladder.find(rank);
    const nameless = level === 0 ? 0 : ladder.levels.nameless(level);
    if (quantity === 0) {
      if (nameless !== 0) this.#remove(nameless, 0);
      return 0;
    }
    if (this.#wouldCross(side, rank)) return RejectRule.wouldCross;
    if (nameless !== 0) return this.#resize(nameless, quantity);
    if (this.#orders.live >= this.#rules.liveOrdersMax) return RejectRule.ordersFull;
    const lacking = this.#lackingRoom(ladder, level, quantity, 0);
    if (lacking !== 0) return lacking;
    const handle = level === 0 ? ladder.open(rank) : level;
    ladder.addOrder(handle, quantity);
    const slot = this.#orders.allocate();
    this.#orders.set(slot, NAMELESS, side, handle, quantity, 0, 0);
    ladder.levels.setNameless(handle, slot);
    return 0;
  }

  #clear(): void {
    this.#orders.clear();
    this.#index.clear();
    this.#bids.clear();
    this.#asks.clear();
    this.#ahead.forget();
  }

  /** Gives an order, at its price, another quantity above 0. */
  #resize(slot: number, quantity: number): Verdict {
    const levels = this.#ladder(this.#orders.side(slot)).levels;
    const level = this.#orders.level(slot);
    const total = levels.total(level) - this.#orders.quantity(slot) + quantity;
    if (total > TOTAL_MAX) return RejectRule.levelTotalOverflow;
    levels.setTotal(level, total);
    this.#orders.setQuantity(slot, quantity);
    return 0;
  }

  /** Gives a named order another price, perhaps the one it has, and a quantity above 0. */
  #move(slot: number, price: number, quantity: number): Verdict {
    const side = this.#orders.side(slot);
    const ladder = this.#ladder(side);
    const rank = ladder.rankOf(price);
    // The other side stays, so the book crosses afterwards exactly where the new price reaches it.
    if (this.#wouldCross(side, rank)) return RejectRule.wouldCross;
    const from = this.#orders.level(slot);
    const to = ladder.find(rank);
    if (to === from) return this.#resize(slot, quantity);
    const freedLevels = ladder.levels.count(from) === 1 ? 1 : 0;
    const lacking = this.#lackingRoom(ladder, to, quantity, freedLevels);
    if (lacking !== 0) return lacking;
    ladder.removeOrder(from, this.#orders.quantity(slot));
    const level = to === 0 ? ladder.open(rank) : to;
    ladder.addOrder(level, quantity);
    this.#orders.setLevel(slot, level);
    this.#orders.setQuantity(slot, quantity);
    return 0;
  }

  /** Whether a price of one side reaches the best of the other, where that is not allowed. */
  #wouldCross(side: Side, rank: number): boolean {
    if (this.#rules.crossPolicy !== REJECT_CROSSING) return false;
    return rank + this.#ladders[side ^ OTHER_SIDE]!.bestRank <= 0;
  }

  /** What keeps one more order off a level, which is 0 where it would have to be opened. */
  #lackingRoom(ladder: Ladder, level: number, quantity: number, freedLevels: number): Verdict {
    if (level === 0) {
      return ladder.levelCount - freedLevels >= this.#rules.levelsPerSideMax ? RejectRule.levelsFull : 0;
    }
    return ladder.levels.total(level) + quantity > TOTAL_MAX ? RejectRule.levelTotalOverflow : 0;
  }

  /** Takes an order out; `hash` is that of its name, if it has one. */
  #remove(slot: number, hash: number): void {
    const ladder = this.#ladder(this.#orders.side(slot));
    const level = this.#orders.level(slot);
    if (this.#orders.kind(slot) === NAMELESS) ladder.levels.setNameless(level, 0);
    else this.#index.remove(slot, hash);
    ladder.removeOrder(level, this.#orders.quantity(slot));
    this.#orders.release(slot);
  }

  /** The handle of the level at any number, 0 where there is none. */
  #levelAt(ladder: Ladder, price: number): number {
    if (!Number.isSafeInteger(price) || !isMultiple(price, this.#tickSize)) return 0;
    return ladder.find(ladder.rankOf(price));
  }

  /** The slot of the order that an event names, which probably is there; 0 where none is live. */
  #findNamed(events: OrderEventColumns, index: number): number {
    const at = index & BLOCK_MASK;
    const slot = slotAheadAt(at);
    if (slot === 0 || keyLengthAt(at) > 0) return this.#find(events, index);
    const isIt = this.#index.confirmId(slot, positionAheadAt(at), idLowAt(at), idHighAt(at));
    return isIt ? slot : this.#find(events, index);
  }

  /** The slot of the order that an event names, 0 where none is live. */
  #find(events: OrderEventColumns, index: number): number {
    const at = index & BLOCK_MASK;
    if (keyLengthAt(at) > 0) return this.#findKey(events, index);
    return this.#index.findId(idLowAt(at), idHighAt(at), hashAt(at));
  }

  #findKey({ keyBytes, keyOffset, keyLength }: OrderEventColumns, index: number): number {
    const hash = hashAt(index & BLOCK_MASK);
    return this.#index.findKey(keyBytes, keyOffset[index]!, keyLength[index]!, hash);
  }

  #ladder(side: Side): Ladder {
    return this.#ladders[side]!;
  }
}
