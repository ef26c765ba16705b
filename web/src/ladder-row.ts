import { formatDecimal } from "../../src/protocol/decimal.ts";
import { element } from "./elements.ts";
import { type BookFrame, LEVEL_STRIDE, type LevelColumns } from "./feed-messages.ts";

/** Widths that a bar can have. A step is about a pixel: a finer one would be written, and painted, for nothing. */
const BAR_STEPS = 200;

/** The levels of both sides at one rank, best = 0. */
export class LadderRow {
  readonly root: HTMLTableRowElement;
  readonly #bid = new LevelCells("bid");
  readonly #ask = new LevelCells("ask");

  constructor() {
    const cells = [...this.#bid.cells, ...this.#ask.cells.toReversed()];
    this.root = element("tr", { role: "row" }, ...cells);
  }

  draw(book: BookFrame, rank: number, largestQuantity: number): void {
    this.#bid.draw(book, book.bids, rank, largestQuantity);
    this.#ask.draw(book, book.asks, rank, largestQuantity);
  }
}

/**
 * One level: its orders, its quantity over a bar, its price. Each cell holds one text node, of which only the data
 * change, and the style makes it a layout root of its own: a change lays out nothing but that cell.
 */
class LevelCells {
  readonly cells: readonly HTMLTableCellElement[];
  readonly #price = new Text();
  readonly #quantity = new Text();
  readonly #orders = new Text();
  readonly #bar: HTMLTableCellElement;
  // What is shown; NaN: nothing.
  #priceMantissa = Number.NaN;
  #quantityMantissa = Number.NaN;
  #orderCount = Number.NaN;
  #barSteps = 0;

  constructor(side: "bid" | "ask") {
    const cell = (kind: string, text: Text): HTMLTableCellElement =>
      element("td", { class: `${kind} ${side}`, role: "cell" }, text);
    this.#bar = cell("quantity", this.#quantity);
    this.cells = [cell("orders", this.#orders), this.#bar, cell("price", this.#price)];
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
      this.#price.data = isThere ? formatDecimal(price, book.priceScale) : "";
    }
    if (!Object.is(quantity, this.#quantityMantissa)) {
      this.#quantityMantissa = quantity;
      this.#quantity.data = isThere ? quantityText(quantity, book) : "";
    }
    if (!Object.is(orders, this.#orderCount)) {
      this.#orderCount = orders;
      this.#orders.data = isThere ? String(orders) : "";
    }
    const barSteps =
      isThere && largestQuantity > 0 ? Math.round((BAR_STEPS * quantity) / largestQuantity) : 0;
    if (barSteps !== this.#barSteps) {
      this.#barSteps = barSteps;
      this.#bar.style.backgroundSize = `${(100 * barSteps) / BAR_STEPS}%`;
    }
  }
}

function quantityText(mantissa: number, { quantityScale, quantityDigits }: BookFrame): string {
  return formatDecimal(mantissa / 10 ** (quantityScale - quantityDigits), quantityDigits);
}
