import { formatDecimal } from "../../src/protocol/decimal.ts";
import { element, setText } from "./elements.ts";
import { type BookFrame, LEVEL_STRIDE, type LevelColumns } from "./feed-messages.ts";

/** Cells of one side of one row. */
interface Cells {
  readonly price: HTMLTableCellElement;
  readonly quantity: HTMLTableCellElement;
  readonly orders: HTMLTableCellElement;
  readonly bar: HTMLElement;
}

interface Row {
  readonly bid: Cells;
  readonly ask: Cells;
}

/**
 * The best levels of both sides beside each other. As many rows as the depth from the beginning, so that nothing moves
 * when levels come and go; a row is written where its numbers have changed.
 */
export class Ladder {
  readonly root: HTMLTableElement;
  readonly #rows: readonly Row[];

  constructor(symbol: string, depth: number) {
    this.#rows = Array.from({ length: depth }, createRow);
    const heads = ["Orders", "Quantity", "Bid", "Ask", "Quantity", "Orders"];
    this.root = element(
      "table",
      { class: "ladder" },
      element("caption", { class: "hidden" }, `${symbol}: best ${depth} bids and asks`),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element(
        "tbody",
        {},
        ...this.#rows.map(({ bid, ask }) =>
          element("tr", {}, bid.orders, bid.quantity, bid.price, ask.price, ask.quantity, ask.orders),
        ),
      ),
    );
  }

  draw(book: BookFrame): void {
    const largest = Math.max(largestQuantity(book.bids), largestQuantity(book.asks));
    for (const [index, { bid, ask }] of this.#rows.entries()) {
      drawCells(bid, book.bids, index, book, largest);
      drawCells(ask, book.asks, index, book, largest);
    }
  }
}

function createRow(): Row {
  return { bid: createCells("bid"), ask: createCells("ask") };
}

function createCells(side: string): Cells {
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  const price = element("td", { class: `price ${side}` });
  const quantity = element("td", { class: `quantity ${side}` });
  const orders = element("td", { class: `orders ${side}` });
  const text = element("span", { class: "number" });
  quantity.append(bar, text);
  return { price, quantity, orders, bar };
}

function drawCells(
  cells: Cells,
  levels: LevelColumns,
  index: number,
  book: BookFrame,
  largest: number,
): void {
  const at = index * LEVEL_STRIDE;
  const price = levels[at];
  const quantity = levels[at + 1];
  const text = cells.quantity.lastChild!;
  if (price === undefined || quantity === undefined) {
    setText(cells.price, "");
    setText(text, "");
    setText(cells.orders, "");
    cells.bar.style.transform = "scaleX(0)";
    return;
  }
  setText(cells.price, formatDecimal(price, book.priceScale));
  setText(text, quantityText(quantity, book));
  setText(cells.orders, String(levels[at + 2]));
  cells.bar.style.transform = `scaleX(${largest === 0 ? 0 : (quantity / largest).toFixed(3)})`;
}

function largestQuantity(levels: LevelColumns): number {
  let largest = 0;
  for (let at = 1; at < levels.length; at += LEVEL_STRIDE) largest = Math.max(largest, levels[at] ?? 0);
  return largest;
}

function quantityText(mantissa: number, { quantityScale, quantityDigits }: BookFrame): string {
  return formatDecimal(mantissa / 10 ** (quantityScale - quantityDigits), quantityDigits);
}
