import { formatDecimal } from "../protocol/decimal.ts";

/**
 * A price or a quantity, in each form under its own name: exact as `mantissa` (value × 10^scale, a safe integer) and as
 * `text`, and as a `number` for display, which may be rounded.
 */
export class Amount {
  /** The exact value times 10^scale. */
  readonly mantissa: number;
  /** Digits after the point, those of the instrument. */
  readonly scale: number;

  constructor(mantissa: number, scale: number) {
    this.mantissa = mantissa;
    this.scale = scale;
  }

  /** Exact, always with `scale` digits after the point: "412.75". */
  get text(): string {
    return formatDecimal(this.mantissa, this.scale);
  }

  /** The nearest double, for charts and the like; never for money. */
  get number(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}
