import { EventFlag, OrderAction, type OrderEventColumns, type Side } from "../../src/book/order-events.ts";

/** Events of a batch in the flows: as many as a busy producer sends. */
const BATCH_EVENTS = 1000;

/** Columns that a flow fills again and again, so that making events leaves no garbage to be collected. */
export interface Batch extends OrderEventColumns {
  length: number;
}

/** Batches for exactly `events` events. */
export function createBatches(events: number, batchEvents: number = BATCH_EVENTS): Batch[] {
  const batches: Batch[] = [];
  for (let left = events; left > 0; left -= batchEvents)
    batches.push(createBatch(Math.min(left, batchEvents)));
  return batches;
}

export function countEvents(batches: readonly OrderEventColumns[]): number {
  return batches.reduce((sum, { length }) => sum + length, 0);
}

function createBatch(length: number): Batch {
  return {
    length,
    action: new Uint8Array(length),
    side: new Uint8Array(length),
    flags: new Uint8Array(length),
    orderIdLow: new Int32Array(length),
    orderIdHigh: new Int32Array(length),
    price: new Float64Array(length),
    quantity: new Float64Array(length),
    keyLength: new Uint8Array(length),
    keyOffset: new Uint32Array(length),
    keyBytes: new Uint8Array(0),
  };
}

/** Writes events one after the other into batches. */
export class BatchWriter {
  #batches: readonly Batch[] = [];
  #batch = 0;
  #index = 0;

  begin(batches: readonly Batch[]): void {
    this.#batches = batches;
    this.#batch = 0;
    this.#index = 0;
  }

  isFull(): boolean {
    return this.#batch === this.#batches.length;
  }

  add(orderId: number, side: Side, price: number, quantity: number): void {
    const flags = EventFlag.hasPrice | EventFlag.hasQuantity;
    this.#write(OrderAction.add, flags, orderId, side, price, quantity);
  }

  update(orderId: number, quantity: number): void {
    this.#write(OrderAction.update, EventFlag.hasQuantity, orderId, 0, 0, quantity);
  }

  delete(orderId: number): void {
    this.#write(OrderAction.delete, 0, orderId, 0, 0, 0);
  }

  #write(
    action: OrderAction,
    flags: number,
    orderId: number,
    side: number,
    price: number,
    quantity: number,
  ): void {
    const batch = this.#batches[this.#batch]!;
    const at = this.#index;
    batch.action[at] = action;
    batch.flags[at] = flags;
    batch.orderIdLow[at] = orderId | 0;
    batch.orderIdHigh[at] = Math.floor(orderId / 0x1_0000_0000);
    batch.side[at] = side;
    batch.price[at] = price;
    batch.quantity[at] = quantity;
    this.#index += 1;
    if (this.#index < batch.length) return;
    this.#index = 0;
    this.#batch += 1;
  }
}
