import { styleText } from "node:util";
import { BookState } from "../../book/depth.ts";
import type { BookLevel, BookStatus, LiveBook } from "../../client/live-book.ts";
import { stateName } from "./book-text.ts";

/** Lines of a panel beside its levels: title, columns, spread, foot. */
export const PANEL_LINES = 4;
/** Columns of a terminal that a panel needs. */
export const PANEL_WIDTH_MIN = 44;
const GAP = "  ";
const ORDERS_WIDTH = 6;
const PRICE_WIDTH_MIN = 10;
const QUANTITY_WIDTH_MIN = 12;
/** A bar is a number of whole cells and one of these, in eighths of a cell. */
const PART_CELLS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** What a panel shows beside the book itself. */
export interface PanelFacts {
  readonly book: LiveBook;
  /** The most intervals that an update has folded in so far. */
  readonly mergedMost: number;
  /** Updates of the last second. */
  readonly updatesPerSecond: number;
}

type Style = Parameters<typeof styleText>[0];

/**
 * A book as a ladder: asks above, best at the bottom, then the spread, then bids, each with a bar for its quantity.
 * Every line is `width` wide, styles not counted, and there are `2 × levels + PANEL_LINES` of them.
 */
export function ladderPanel(facts: PanelFacts, levels: number, width: number): string[] {
  const { book } = facts;
  const bids = book.bids.slice(0, levels);
  const asks = book.asks.slice(0, levels);
  const columns = measure([...bids, ...asks]);
  const row = (level: BookLevel | undefined, color: Style) =>
    level === undefined
      ? " ".repeat(width)
      : // What may be old does not look like what is true now.
        styleText(book.status === "live" ? color : "dim", levelText(level, columns, width));
  const heads = [
    "price".padStart(columns.price),
    "quantity".padStart(columns.quantity),
    "orders".padStart(ORDERS_WIDTH),
  ];
  return [
    title(book, width),
    styleText("dim", fit(heads.join(GAP), width)),
    ...Array.from({ length: levels }, (_, index) => row(asks[levels - 1 - index], "red")),
    styleText("bold", fit(`${(book.spread?.text ?? "-").padStart(columns.price)}${GAP}spread`, width)),
    ...Array.from({ length: levels }, (_, index) => row(bids[index], "green")),
    styleText("dim", fit(footText(facts), width)),
  ];
}

interface Columns {
  readonly price: number;
  readonly quantity: number;
  /** The largest of what is shown: its bar is as long as there is room. */
  readonly quantityMost: number;
}

function measure(levels: readonly BookLevel[]): Columns {
  let [price, quantity, quantityMost] = [PRICE_WIDTH_MIN, QUANTITY_WIDTH_MIN, 0];
  for (const level of levels) {
    price = Math.max(price, level.price.text.length);
    quantity = Math.max(quantity, level.quantity.text.length);
    quantityMost = Math.max(quantityMost, level.quantity.mantissa);
  }
  return { price, quantity, quantityMost };
}

function levelText(level: BookLevel, columns: Columns, width: number): string {
  const cells = [
    level.price.text.padStart(columns.price),
    level.quantity.text.padStart(columns.quantity),
    String(level.orderCount).padStart(ORDERS_WIDTH),
  ];
  const text = `${cells.join(GAP)}${GAP}`;
  const room = Math.max(0, width - text.length);
  return fit(text + bar(level.quantity.mantissa / columns.quantityMost, room), width);
}

/** @param part of the whole, 0 to 1 */
function bar(part: number, cells: number): string {
  const eighths = Math.round(part * cells * PART_CELLS.length);
  return "█".repeat(eighths >> 3) + (PART_CELLS[eighths & 7] ?? "");
}

function title(book: LiveBook, width: number): string {
  const status = statusText(book.status, book.ageMs);
  const state = stateName(book.state);
  const left = fit(book.symbol, Math.max(0, width - status.length - state.length - 2));
  const isOpen = book.state === BookState.open;
  return [
    styleText("bold", left),
    styleText(isOpen ? "dim" : "yellow", state),
    styleText(book.status === "live" ? "green" : ["yellow", "bold"], status),
  ].join(" ");
}

function statusText(status: BookStatus, ageMs: number): string {
  return status === "stale" ? `stale for ${(ageMs / 1000).toFixed(0)} s` : status;
}

function footText({ book, mergedMost, updatesPerSecond }: PanelFacts): string {
  const parts = [`#${book.sequence}`, `${updatesPerSecond} updates/s`];
  if (mergedMost > 1) parts.push(`merged up to ${mergedMost}`);
  return parts.join(GAP);
}

function fit(text: string, width: number): string {
  return text.length > width ? text.slice(0, width) : text.padEnd(width);
}
