import type { DepthSide } from "./depth.ts";

/**
 * One side's levels in columns that grow. Whoever reads a column takes it anew after each change: growing
 * replaces it.
 */
export class LevelColumns implements DepthSide {
  length = 0;
  price: Float64Array = new Float64Array(0);
  quantity: Float64Array = new Float64Array(0);
  orderCount: Uint32Array = new Uint32Array(0);

  /** Makes room for `levels`, at least doubling where there is too little, up to `levelsMax`. */
  reserve(levels: number, levelsMax: number = Infinity): void {
    const capacity = this.price.length;
    if (levels <= capacity) return;
    this.resize(Math.max(levels, Math.min(levelsMax, capacity * 2)));
  }

  get bytes(): number {
    return this.price.byteLength + this.quantity.byteLength + this.orderCount.byteLength;
  }

  protected resize(capacity: number): void {
    const price = new Float64Array(capacity);
    const quantity = new Float64Array(capacity);
    const orderCount = new Uint32Array(capacity);
    price.set(this.price);
    quantity.set(this.quantity);
    orderCount.set(this.orderCount);
    this.price = price;
    this.quantity = quantity;
    this.orderCount = orderCount;
  }
}
