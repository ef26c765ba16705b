import { styleText } from "node:util";
import { BookState } from "../../book/depth.ts";
import type { ClientBook } from "../../client/client-book.ts";
import type { PriceLevel } from "../../client/market-update.ts";
import { formatDecimal } from "../../protocol/decimal.ts";
import { stateName } from "./update-text.ts";

/** Lines of a panel beside its levels: title, columns, spread, foot. */
export const PANEL_LINES = 4;
const GAP = "  ";
const ORDERS_WIDTH = 6;
const WIDTH_MIN = 44;

/** What a panel shows beside the book itself. */
export interface PanelFacts {
  readonly book: ClientBook;
  /** Milliseconds since the last update came. */
  readonly ageMs: number;
  /** The most intervals that an update has folded in so far. */
  readonly mergedMost: number;
  /** Updates of the last second. */
  readonly updatesPerSecond: number;
}

/**
 * A book as a ladder: asks above, best at the bottom, then the spread, then bids. Every line has the same
 * width, styles not counted, and there are `2 × levels + PANEL_LINES` of them.
 */
export function ladderPanel(facts: PanelFacts, levels: number): { width: number; lines: string[] } {
  const { book } = facts;
  const bids = book.bids.slice(0, levels);
  const asks = book.asks.slice(0, levels);
  const columns = measure(book, [...bids, ...asks]);
  const { width } = columns;
  const row = (level: PriceLevel | undefined, color: "red" | "green") =>
    level === undefined ? " ".repeat(width) : styleText(color, levelText(book, level, columns));
  const askRows = Array.from({ length: levels }, (_, index) => row(asks[levels - 1 - index], "red"));
  const bidRows = Array.from({ length: levels }, (_, index) => row(bids[index], "green"));
  const heads = [
    "price".padStart(columns.price),
    "quantity".padStart(columns.quantity),
    "orders".padStart(ORDERS_WIDTH),
  ];
  const lines = [
    title(book, width),
    styleText("dim", fit(heads.join(GAP), width)),
    ...askRows,
    styleText("bold", fit(spreadText(book, columns.price), width)),
    ...bidRows,
    styleText("dim", fit(footText(facts), width)),
  ];
  return { width, lines };
}

interface ColumnWidths {
  readonly price: number;
  readonly quantity: number;
  readonly width: number;
}

function measure(book: ClientBook, levels: readonly PriceLevel[]): ColumnWidths {
  const { priceScale, quantityScale } = book.instrument;
  let price = 12;
  let quantity = 16;
  for (const level of levels) {
    price = Math.max(price, formatDecimal(level.price, priceScale).length);
    quantity = Math.max(quantity, formatDecimal(level.quantity, quantityScale).length);
  }
  return { price, quantity, width: Math.max(WIDTH_MIN, price + quantity + ORDERS_WIDTH + 2 * GAP.length) };
}

function levelText(book: ClientBook, level: PriceLevel, columns: ColumnWidths): string {
  const { priceScale, quantityScale } = book.instrument;
  const cells = [
    formatDecimal(level.price, priceScale).padStart(columns.price),
    formatDecimal(level.quantity, quantityScale).padStart(columns.quantity),
    String(level.orderCount).padStart(ORDERS_WIDTH),
  ];
  return fit(cells.join(GAP), columns.width);
}

function title(book: ClientBook, width: number): string {
  const state = book.phase === "live" ? stateName(book.state) : "waiting for a snapshot";
  const left = fit(book.symbol, Math.max(0, width - state.length - 1));
  const alarming = book.phase !== "live" || book.state !== BookState.open;
  return `${styleText("bold", left)} ${styleText(alarming ? "yellow" : "dim", state)}`;
}

function spreadText(book: ClientBook, priceWidth: number): string {
  const { spread, instrument } = book;
  const text = spread === undefined ? "-" : formatDecimal(spread, instrument.priceScale);
  return `${text.padStart(priceWidth)}${GAP}spread`;
}

function footText({ book, ageMs, mergedMost, updatesPerSecond }: PanelFacts): string {
  const age = ageMs < 1000 ? `${Math.floor(ageMs / 100) * 100} ms` : `${(ageMs / 1000).toFixed(0)} s`;
  const parts = [`#${book.exactSequence}`, `${updatesPerSecond}/s`, `${age} old`];
  if (mergedMost > 1) parts.push(`merged up to ${mergedMost}`);
  return parts.join("  ");
}

function fit(text: string, width: number): string {
  return text.length > width ? text.slice(0, width) : text.padEnd(width);
}
