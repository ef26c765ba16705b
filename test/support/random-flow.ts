import type { FlowEvent } from "./flow-event.ts";
import type { Random } from "./random.ts";

/**
 * Seeded order flows. They know roughly what is live, never whether an event was accepted: the model in
 * the test decides that, so events that are refused come by themselves.
 */

export interface FlowOptions {
  /** Price mantissa around which the market begins. */
  readonly mid?: number;
  /** Mean distance of a new order from the mid, in ticks. */
  readonly spread?: number;
  /** About how many orders are kept live. */
  readonly liveTarget?: number;
  /** Percentage of events that break a rule on purpose. */
  readonly illegalPercent?: number;
  /** Percentage of new orders that are named by key. */
  readonly keyPercent?: number;
}

interface LiveOrder {
  readonly name: Pick<FlowEvent, "orderId" | "orderKey">;
  readonly side: "bid" | "ask";
  price: number;
  quantity: number;
}

/** State that both kinds of flow share: names and what is believed to be live. */
class FlowState {
  readonly random: Random;
  readonly options: Required<FlowOptions>;
  readonly live: LiveOrder[] = [];
  mid: number;
  #nextId = 1n;

  constructor(random: Random, options: FlowOptions) {
    this.random = random;
    this.options = {
      mid: 100_000,
      spread: 20,
      liveTarget: 400,
      illegalPercent: 0,
      keyPercent: 0,
      ...options,
    };
    this.mid = this.options.mid;
  }

  add(side: "bid" | "ask", price: number, quantity: number): FlowEvent {
    const id = this.#nextId++;
    // Ids that use both 32-bit halves, as exchanges have them.
    const name = this.random.chance(this.options.keyPercent)
      ? { orderKey: `k-${id}-${"é".repeat(Number(id % 9n))}` }
      : { orderId: id * 0x1_0000_0001n };
    this.live.push({ name, side, price, quantity });
    return { action: "add", ...name, side, price: BigInt(price), quantity: BigInt(quantity) };
  }

  take(index: number): LiveOrder {
    const order = this.live[index] as LiveOrder;
    this.live[index] = this.live.at(-1) as LiveOrder;
    this.live.pop();
    return order;
  }

  /** The index of a live order near the mid: the best of a few picked at random. */
  nearBest(): number {
    let best = this.random.between(0, this.live.length - 1);
    for (let trial = 0; trial < 3; trial += 1) {
      const other = this.random.between(0, this.live.length - 1);
      const distance = (index: number): number => Math.abs((this.live[index] as LiveOrder).price - this.mid);
      if (distance(other) < distance(best)) best = other;
    }
    return best;
  }

  illegal(): FlowEvent {
    const { random } = this;
    const known = this.live.length > 0 ? (random.pick(this.live).name as object) : { orderId: 77n };
    const price = BigInt(this.mid - 1);
    const broken: FlowEvent[] = [
      { action: "add", ...known, side: "bid", price, quantity: 1n },
      { action: "update", orderId: 0x7fff_ffff_ffff_ffffn, quantity: 5n },
      { action: "delete", orderKey: "nobody" },
      { action: "reduce", ...known, quantity: 2n ** 53n - 1n },
      { action: "update", ...known },
      { action: "add", orderId: 3n, orderKey: "both", side: "ask", price, quantity: 1n },
      { action: "add", side: "ask", price, quantity: 1n },
      { action: "add", orderId: 0xffff_ffff_ffff_fff0n, side: "bid", price, quantity: 0n },
      { action: "add", orderId: 0xffff_ffff_ffff_fff1n, side: "bid", quantity: 1n },
      { action: "add", orderId: 0xffff_ffff_ffff_fff2n, price, quantity: 1n },
      { action: "add", orderId: 0xffff_ffff_ffff_fff3n, side: "bid", price: -(2n ** 53n), quantity: 1n },
      { action: "add", orderId: 0xffff_ffff_ffff_fff4n, side: "bid", price, quantity: 2n ** 53n },
      { action: "add", orderKey: "x".repeat(65), side: "bid", price, quantity: 1n },
      { action: "set_level", side: "bid", price },
      { action: 0 },
      { action: 99, orderId: 5n },
    ];
    return random.pick(broken);
  }
}

/** Events in batches, without end. */
export interface OrderFlow {
  event(): FlowEvent;
  batch(size: number): FlowEvent[];
}

/**
 * A believable market: new orders are the likelier the nearer to the mid, which wanders; cancels and
 * executions take the orders near the best prices; now and then one sweeps a side.
 */
export function realisticFlow(random: Random, options: FlowOptions = {}): OrderFlow {
  const state = new FlowState(random, options);
  const { spread, liveTarget, illegalPercent } = state.options;
  const pending: FlowEvent[] = [];

  const newOrder = (): FlowEvent => {
    const side = random.pick(["bid", "ask"] as const);
    const distance = 1 + random.geometric(spread);
    const price = side === "bid" ? state.mid - distance : state.mid + distance;
    return state.add(side, price, 1 + random.geometric(50));
  };
  const sweep = (): void => {
    const side = random.pick(["bid", "ask"] as const);
    const direction = side === "bid" ? -1 : 1;
    const count = random.between(5, 20);
    const best = state.live
      .filter((order) => order.side === side)
      .toSorted((a, b) => (a.price - b.price) * direction)
      .slice(0, count);
    for (const order of best) {
      state.live.splice(state.live.indexOf(order), 1);
      pending.push({ action: "reduce", ...order.name, quantity: BigInt(order.quantity) });
    }
    state.mid += side === "bid" ? -random.between(0, 3) : random.between(0, 3);
  };
  const event = (): FlowEvent => {
    const waiting = pending.shift();
    if (waiting !== undefined) return waiting;
    if (random.chance(illegalPercent)) return state.illegal();
    if (random.chance(2)) state.mid += random.between(-2, 2);
    if (state.live.length < 20) return newOrder();
    if (random.chance(0.3)) sweep();
    const removing = state.live.length > liveTarget ? 45 : 25;
    if (random.chance(removing)) return { action: "delete", ...state.take(state.nearBest()).name };
    if (random.chance(15)) {
      const order = state.live[state.nearBest()] as LiveOrder;
      if (order.quantity > 1) {
        const quantity = random.between(1, order.quantity - 1);
        order.quantity -= quantity;
        return { action: "reduce", ...order.name, quantity: BigInt(quantity) };
      }
    }
    if (random.chance(20)) {
      const order = state.live[state.nearBest()] as LiveOrder;
      order.quantity = 1 + random.geometric(50);
      return { action: "update", ...order.name, quantity: BigInt(order.quantity) };
    }
    return newOrder();
  };
  return flowOf(event);
}

/**
 * What a clever enemy sends: windows that slide level by level, sweeps of whole sides, orders that move
 * across the book and back, levels set and unset, clears, extreme prices, crossing on purpose.
 */
export function adversarialFlow(random: Random, options: FlowOptions = {}): OrderFlow {
  const state = new FlowState(random, { illegalPercent: 5, keyPercent: 20, ...options });
  const { liveTarget, illegalPercent } = state.options;
  const pending: FlowEvent[] = [];

  const slide = (): void => {
    // A level enters at the best end, one leaves at the other: every window shifts by one.
    const side = random.pick(["bid", "ask"] as const);
    const direction = side === "bid" ? 1 : -1;
    for (let step = 0; step < 8; step += 1)
      pending.push(state.add(side, state.mid + direction * step, 1 + step));
    for (let step = 0; step < 8; step += 1) {
      pending.push({ action: "delete", ...state.take(state.live.length - 1).name });
    }
  };
  const sweep = (): void => {
    const side = random.pick(["bid", "ask"] as const);
    for (let index = state.live.length - 1; index >= 0; index -= 1) {
      if (state.live[index]?.side !== side) continue;
      pending.push({ action: "delete", ...state.take(index).name });
    }
  };
  const setLevels = (): void => {
    const side = random.pick(["bid", "ask"] as const);
    const away = side === "bid" ? -1 : 1;
    for (let step = 0; step < 6; step += 1) {
      const price = BigInt(state.mid + away * random.between(0, 12));
      const quantity = random.chance(40) ? 0n : BigInt(random.between(1, 9));
      pending.push({ action: "set_level", side, price, quantity });
    }
  };
  const clear = (): void => {
    state.live.length = 0;
    pending.push({ action: "clear" });
  };
  const move = (): void => {
    const order = random.pick(state.live);
    const back = order.price;
    order.price = state.mid + random.between(-15, 15);
    const quantity = random.chance(50) ? { quantity: BigInt(random.between(1, 99)) } : {};
    pending.push({ action: "update", ...order.name, price: BigInt(order.price), ...quantity });
    if (!random.chance(40)) return;
    order.price = back;
    pending.push({ action: "update", ...order.name, price: BigInt(back) });
  };
  const vanish = (): void => {
    const order = state.take(random.between(0, state.live.length - 1));
    pending.push({ action: "update", ...order.name, quantity: 0n });
  };
  const extreme = (): void => {
    const far = random.chance(50) ? Number.MAX_SAFE_INTEGER : random.between(2 ** 31 - 2, 2 ** 31 + 2);
    const side = random.pick(["bid", "ask"] as const);
    pending.push(state.add(side, side === "bid" ? -far : far, random.pick([1, Number.MAX_SAFE_INTEGER])));
  };
  const plan = (): void => {
    if (state.live.length < 6) {
      pending.push(...neighbours(state));
      return;
    }
    if (state.live.length > liveTarget) {
      if (random.chance(50)) sweep();
      else vanish();
      return;
    }
    const roll = random.next() * 100;
    if (roll < 12) slide();
    else if (roll < 14) sweep();
    else if (roll < 26) setLevels();
    else if (roll < 26.5) clear();
    else if (roll < 48) move();
    else if (roll < 58) vanish();
    else if (roll < 60) extreme();
    else pending.push(...neighbours(state));
  };
  const event = (): FlowEvent => {
    if (random.chance(illegalPercent)) return state.illegal();
    while (pending.length === 0) plan();
    return pending.shift() as FlowEvent;
  };
  return flowOf(event);
}

/** A bid and an ask near the mid, sometimes the wrong way round. */
function neighbours(state: FlowState): FlowEvent[] {
  const { random } = state;
  const distance = random.chance(10) ? -random.between(0, 3) : random.between(1, 25);
  return [
    state.add("bid", state.mid - distance, random.between(1, 9)),
    state.add("ask", state.mid + distance, random.between(1, 9)),
  ];
}

function flowOf(event: () => FlowEvent): OrderFlow {
  return { event, batch: (size) => Array.from({ length: size }, event) };
}
