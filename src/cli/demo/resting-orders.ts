import { Side } from "../../book/order-events.ts";

/** An order that rests in the simulated market. */
export interface RestingOrder {
  readonly id: bigint;
  readonly side: Side;
  /** Price mantissa. */
  price: number;
  /** Quantity mantissa. */
  quantity: number;
}

/** One price with its orders, oldest first. */
interface RestingLevel {
  readonly price: number;
  readonly orders: RestingOrder[];
}

/** One side of the simulated market: what its traders know of the book, best price first. */
export class RestingOrders {
  readonly side: Side;
  readonly #levels: RestingLevel[] = [];
  /** All orders, in no order, for picking one at random. */
  readonly #orders: RestingOrder[] = [];
  readonly #places = new Map<RestingOrder, number>();

  constructor(side: Side) {
    this.side = side;
  }

  get orderCount(): number {
    return this.#orders.length;
  }
  get levelCount(): number {
    return this.#levels.length;
  }
  get bestPrice(): number | undefined {
    return this.#levels[0]?.price;
  }

  /** The oldest order of the level with this rank, 0 being the best. */
  first(rank: number): RestingOrder | undefined {
    return this.#levels[rank]?.orders[0];
  }

  /** The order at `place` of the level with this rank, counted round. */
  at(rank: number, place: number): RestingOrder | undefined {
    const orders = this.#levels[rank]?.orders;
    return orders?.[place % orders.length];
  }

  /** Any order: each `place` from 0 to below `orderCount` is another. */
  any(place: number): RestingOrder | undefined {
    return this.#orders[place];
  }

  add(order: RestingOrder): void {
    const rank = this.#rankOf(order.price);
    const level = this.#levels[rank];
    if (level !== undefined && level.price === order.price) level.orders.push(order);
    else this.#levels.splice(rank, 0, { price: order.price, orders: [order] });
    this.#places.set(order, this.#orders.length);
    this.#orders.push(order);
  }

  remove(order: RestingOrder): void {
    const rank = this.#rankOf(order.price);
    const orders = this.#levels[rank]!.orders;
    orders.splice(orders.indexOf(order), 1);
    if (orders.length === 0) this.#levels.splice(rank, 1);
    const place = this.#places.get(order)!;
    const last = this.#orders.pop()!;
    this.#places.delete(order);
    if (last === order) return;
    this.#orders[place] = last;
    this.#places.set(last, place);
  }

  /** The rank of the first level that is not better than `price`. */
  #rankOf(price: number): number {
    let low = 0;
    let high = this.#levels.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#levels[middle]!.price;
      if (this.side === Side.bid ? other > price : other < price) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
