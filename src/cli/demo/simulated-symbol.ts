import type { Instrument } from "../../book/instrument.ts";
import { OrderAction, Side } from "../../book/order-events.ts";
import type { ProducerEvent } from "../../client/ingest-batch-writer.ts";
import { type RestingOrder, RestingOrders } from "./resting-orders.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** What one simulated symbol is like. Prices and quantities are mantissas. */
export interface SymbolProfile {
  readonly instrument: Instrument;
  readonly startPrice: number;
  /** Half of the orders are smaller. */
  readonly medianQuantity: number;
  /** This symbol's part of all events. */
  readonly share: number;
}

/** Orders that the market comes to rest at, for both sides together, and the most that it ever holds. */
const ORDERS_USUAL = 1600;
export const ORDERS_MAX = 2000;
/** How far from the fair price orders are placed, in ticks: a share of them, and their mean distance. */
const TOUCH_SHARE = 0.38;
const TOUCH_TICKS = 5;
const NEAR_SHARE = 0.37;
const NEAR_TICKS = 30;
const FAR_TICKS = 150;
const DISTANCE_TICKS_MAX = 600;
/** How many levels from the best one the orders are that are cancelled first. */
const CANCEL_LEVELS = 8;
/** The fair price's random walk, a step an action, in ticks, and its pull back to the start. */
const FAIR_STEP_TICKS = 0.12;
const FAIR_PULL = 0.0004;
/** The share of actions that trade, and of trades that sweep through several levels. */
const TRADE_CHANCE = 0.03;
const SWEEP_CHANCE = 0.1;
const SWEEP_LEVELS_MAX = 8;

/**
 * One symbol of the simulated market. Traders place orders around a fair price that wanders and is pulled
 * back: many near it and fewer far away, cancelled mostly near the best price. A fair price that has moved
 * past the best price is traded against. The events never lock or cross the book.
 */
export class SimulatedSymbol {
  readonly profile: SymbolProfile;
  readonly #random: SeededRandom;
  readonly #tick: number;
  readonly #lot: number;
  readonly #bids = new RestingOrders(Side.bid);
  readonly #asks = new RestingOrders(Side.ask);
  #fairPrice: number;
  #lastOrderId = 0n;

  constructor(profile: SymbolProfile, random: SeededRandom) {
    this.profile = profile;
    this.#random = random;
    this.#tick = Math.max(1, profile.instrument.tickSize);
    this.#lot = Math.max(1, profile.instrument.lotSize);
    this.#fairPrice = profile.startPrice;
  }

  get orderCount(): number {
    return this.#bids.orderCount + this.#asks.orderCount;
  }

  /** The book as the day begins: an empty book and then the usual number of orders. */
  open(): ProducerEvent[] {
    const events: ProducerEvent[] = [{ action: OrderAction.clear }];
    while (this.orderCount < ORDERS_USUAL) this.#place(events);
    return events;
  }

  /** What the traders do next: one action, which may be several events (a trade with several orders). */
  act(): ProducerEvent[] {
    const events: ProducerEvent[] = [];
    this.#moveFairPrice();
    const bargain = this.#sidePassedByFairPrice();
    if (bargain !== undefined) {
      this.#trade(events, bargain, 1 + this.#random.below(2));
    } else if (this.#random.chance(TRADE_CHANCE)) {
      const sweeps = this.#random.chance(SWEEP_CHANCE);
      const levels = sweeps ? 2 + this.#random.below(SWEEP_LEVELS_MAX - 1) : 1;
      this.#trade(events, this.#random.chance(0.5) ? this.#bids : this.#asks, levels);
    }
    // No trade was due, or a side is too thin for one.
    if (events.length === 0) this.#quote(events);
    return events;
  }

  #quote(events: ProducerEvent[]): void {
    // The fuller the book, the likelier a cancel: the number of orders is held where it should be.
    const fullness = this.orderCount / ORDERS_USUAL;
    const choice = this.#random.uniform();
    if (this.orderCount >= ORDERS_MAX || choice < 0.43 * fullness) this.#cancel(events);
    else if (choice < 0.43 * fullness + 0.1) this.#amend(events);
    else this.#place(events);
  }

  #place(events: ProducerEvent[]): void {
    const side = this.#random.chance(0.5) ? this.#bids : this.#asks;
    const price = this.#quotePrice(side.side);
    const order = { id: this.#nextOrderId(), side: side.side, price, quantity: this.#quantity() };
    side.add(order);
    events.push({
      action: OrderAction.add,
      orderId: order.id,
      side: order.side,
      price,
      quantity: order.quantity,
    });
  }

  #cancel(events: ProducerEvent[]): void {
    const side = this.#fullerSide();
    const order = this.#pickOrder(side);
    if (order === undefined) return this.#place(events);
    side.remove(order);
    events.push({ action: OrderAction.delete, orderId: order.id });
  }

  /** A trader makes an order smaller or larger, or moves it. */
  #amend(events: ProducerEvent[]): void {
    const side = this.#fullerSide();
    const order = this.#pickOrder(side);
    if (order === undefined) return this.#place(events);
    if (this.#random.chance(0.4)) {
      side.remove(order);
      order.price = this.#quotePrice(side.side);
      side.add(order);
      events.push({ action: OrderAction.update, orderId: order.id, price: order.price });
    } else {
      order.quantity = this.#quantity();
      events.push({ action: OrderAction.update, orderId: order.id, quantity: order.quantity });
    }
  }

  /** An incoming order takes what rests on `side`: the oldest orders of its best levels, the last in part. */
  #trade(events: ProducerEvent[], side: RestingOrders, levels: number): void {
    let left = levels;
    while (left > 0 && side.levelCount > 1) {
      const order = side.first(0)!;
      const ordersLeftHere = side.at(0, 1) !== order;
      if (left === 1 && this.#random.chance(0.5) && order.quantity > this.#lot) {
        const taken = this.#wholeLots(order.quantity * this.#random.uniform());
        if (taken >= order.quantity) return;
        order.quantity -= taken;
        events.push({ action: OrderAction.reduce, orderId: order.id, quantity: taken });
        return;
      }
      side.remove(order);
      events.push({ action: OrderAction.reduce, orderId: order.id, quantity: order.quantity });
      if (!ordersLeftHere) left -= 1;
    }
  }

  #moveFairPrice(): void {
    const pull = FAIR_PULL * (this.profile.startPrice - this.#fairPrice);
    this.#fairPrice += pull + this.#random.normal() * FAIR_STEP_TICKS * this.#tick;
  }

  /** The side whose best price is now a bargain. */
  #sidePassedByFairPrice(): RestingOrders | undefined {
    const { bestPrice: bestBid } = this.#bids;
    const { bestPrice: bestAsk } = this.#asks;
    if (bestAsk !== undefined && this.#fairPrice > bestAsk) return this.#asks;
    if (bestBid !== undefined && this.#fairPrice < bestBid) return this.#bids;
    return undefined;
  }

  /** A price for a new order: away from the fair price, and never at or past the other side's best. */
  #quotePrice(side: Side): number {
    const distance =
      1 + Math.min(DISTANCE_TICKS_MAX, Math.floor(this.#random.exponential(this.#meanTicks())));
    const direction = side === Side.bid ? -1 : 1;
    const fairTick = Math.round(this.#fairPrice / this.#tick);
    const price = (fairTick + direction * distance) * this.#tick;
    if (side === Side.bid) return Math.min(price, (this.#asks.bestPrice ?? Infinity) - this.#tick);
    return Math.max(price, (this.#bids.bestPrice ?? -Infinity) + this.#tick);
  }

  #meanTicks(): number {
    const choice = this.#random.uniform();
    if (choice < TOUCH_SHARE) return TOUCH_TICKS;
    return choice < TOUCH_SHARE + NEAR_SHARE ? NEAR_TICKS : FAR_TICKS;
  }

  /** Most orders are small, a few large ones are round. */
  #quantity(): number {
    const { medianQuantity } = this.profile;
    if (this.#random.chance(0.06)) return this.#wholeLots(medianQuantity * 10 * (1 + this.#random.below(5)));
    return this.#wholeLots(medianQuantity * Math.exp(1.1 * this.#random.normal()));
  }

  #wholeLots(quantity: number): number {
    return Math.max(1, Math.round(quantity / this.#lot)) * this.#lot;
  }

  #fullerSide(): RestingOrders {
    const bidShare = this.#bids.orderCount / Math.max(1, this.orderCount);
    return this.#random.chance(bidShare) ? this.#bids : this.#asks;
  }

  /** Any order, or one near the best price, or the one that is furthest away. */
  #pickOrder(side: RestingOrders): RestingOrder | undefined {
    const choice = this.#random.uniform();
    if (choice < 0.6) return side.any(this.#random.below(side.orderCount));
    const last = side.levelCount - 1;
    if (choice < 0.65) return side.at(last, 0);
    const rank = Math.floor(this.#random.exponential(CANCEL_LEVELS));
    return side.at(Math.min(rank, last), this.#random.below(ORDERS_MAX));
  }

  #nextOrderId(): bigint {
    this.#lastOrderId += 1n;
    return this.#lastOrderId;
  }
}
