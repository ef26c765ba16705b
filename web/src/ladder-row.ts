import { formatDecimal } from "../../src/protocol/decimal.ts";
import { element, writeNumber } from "./elements.ts";
import { type BookFrame, LEVEL_STRIDE, type LevelColumns } from "./feed-messages.ts";

/** Widths that a bar can have. A step is about a pixel: a finer one would be written, and painted, for nothing. */
const BAR_STEPS = 200;

/** The levels of both sides at one rank, best = 0. */
export class LadderRow {
  readonly root: HTMLTableRowElement;
  readonly bid = new LevelCells("bid");
  readonly ask = new LevelCells("ask");

  constructor() {
    const { bid, ask } = this;
    const cells = [bid.orders, bid.quantity, bid.price, ask.price, ask.quantity, ask.orders];
    this.root = element("tr", { role: "row" }, ...cells);
  }

  draw(book: BookFrame, rank: number, largestQuantity: number): void {
    this.bid.draw(book, book.bids, rank, largestQuantity);
    this.ask.draw(book, book.asks, rank, largestQuantity);
  }

  /** The same numbers have other texts from now on. */
  rescale(): void {
    this.bid.rescale();
    this.ask.rescale();
  }
}

/** One level: its orders, its quantity over a bar, its price. */
class LevelCells {
  readonly price: HTMLTableCellElement;
  readonly quantity: HTMLTableCellElement;
  readonly orders: HTMLTableCellElement;
  // What is shown; NaN: nothing; undefined: something else.
  #priceMantissa: number | undefined = Number.NaN;
  #quantityMantissa: number | undefined = Number.NaN;
  #orderCount = Number.NaN;
  #barSteps = 0;

  constructor(side: "bid" | "ask") {
    const cell = (kind: string): HTMLTableCellElement =>
      element("td", { class: `${kind} ${side}`, role: "cell" });
    this.price = cell("price");
    this.quantity = cell("quantity");
    this.orders = cell("orders");
  }

  rescale(): void {
    this.#priceMantissa = undefined;
    this.#quantityMantissa = undefined;
  }

  draw(book: BookFrame, levels: LevelColumns, rank: number, largestQuantity: number): void {
    const at = rank * LEVEL_STRIDE;
    const isThere = at < levels.length;
    const price = isThere ? levels[at]! : Number.NaN;
    const quantity = isThere ? levels[at + 1]! : Number.NaN;
    const orders = isThere ? levels[at + 2]! : Number.NaN;
    // Numbers are compared, as texts cost more to make than to keep.
    if (!Object.is(price, this.#priceMantissa)) {
      this.#priceMantissa = price;
      writeNumber(this.price, isThere ? priceText(price, book) : "");
    }
    if (!Object.is(quantity, this.#quantityMantissa)) {
      this.#quantityMantissa = quantity;
      writeNumber(this.quantity, isThere ? quantityText(quantity, book) : "");
    }
    if (!Object.is(orders, this.#orderCount)) {
      this.#orderCount = orders;
      writeNumber(this.orders, isThere ? String(orders) : "");
    }
    const barSteps =
      isThere && largestQuantity > 0 ? Math.round((BAR_STEPS * quantity) / largestQuantity) : 0;
    if (barSteps !== this.#barSteps) {
      this.#barSteps = barSteps;
      this.quantity.style.backgroundSize = `${(100 * barSteps) / BAR_STEPS}%`;
    }
  }
}

export function priceText(mantissa: number, { priceScale }: BookFrame): string {
  return formatDecimal(mantissa, priceScale);
}

export function quantityText(mantissa: number, { quantityScale, quantityDigits }: BookFrame): string {
  return formatDecimal(mantissa / 10 ** (quantityScale - quantityDigits), quantityDigits);
}
