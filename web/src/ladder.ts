import { ColumnFit } from "./column-fit.ts";
import { element } from "./elements.ts";
import { type BookFrame, LEVEL_STRIDE, type LevelColumns } from "./feed-messages.ts";
import { LadderRow, priceText, quantityText } from "./ladder-row.ts";

/** Rows that are in view or out of it together. */
const GROUP_ROWS = 10;
/**
 * Rows out of view are written as often as this, for who searches the page or has it read aloud, and for a scroll: one
 * group a frame, so that no frame has to write all of them, but none waits for twice as long.
 */
const HIDDEN_INTERVAL_MS = 250;
/** What is this near is in view already, so that a scroll finds it as it is now. */
const NEAR_VIEW = "96px";

interface Group {
  readonly root: HTMLTableSectionElement;
  readonly rows: readonly LadderRow[];
  isInView: boolean;
  drawnAtMs: number;
}

/**
 * The best levels of both sides beside each other. As many rows as the depth from the beginning, so that nothing moves
 * when levels come and go. Rows that are in view are written with each frame, and only where their numbers have
 * changed.
 */
export class Ladder {
  readonly root: HTMLTableElement;
  readonly #groups: readonly Group[];
  readonly #view = new IntersectionObserver((seen) => this.#look(seen), { rootMargin: NEAR_VIEW });
  readonly #fit: ColumnFit;
  #scales = "";

  constructor(symbol: string, depth: number) {
    this.#groups = Array.from({ length: Math.ceil(depth / GROUP_ROWS) }, (_, index) =>
      createGroup(Math.min(GROUP_ROWS, depth - index * GROUP_ROWS)),
    );
    const heads = ["Orders", "Quantity", "Bid", "Ask", "Quantity", "Orders"].map((head) =>
      element("th", { scope: "col", role: "columnheader" }, head),
    );
    // The roles are those of the elements: a browser may forget them where the style has no table.
    this.root = element(
      "table",
      { class: "ladder", role: "table" },
      element("caption", { class: "hidden" }, `${symbol}: best ${depth} bids and asks`),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
      ...this.#groups.map(({ root }) => root),
    );
    for (const { root } of this.#groups) this.#view.observe(root);
    const [first] = this.#groups[0]!.rows;
    this.#fit = new ColumnFit(first!.bid.price, first!.bid.quantity);
  }

  draw(book: BookFrame): void {
    const largest = Math.max(largestQuantity(book.bids), largestQuantity(book.asks));
    this.#rescale(book);
    this.#cutWhatIsLong(book, largest);
    const now = performance.now();
    let drawsHidden = true;
    for (const [index, group] of this.#groups.entries()) {
      const { rows, isInView, drawnAtMs } = group;
      if (!isInView) {
        if (now - drawnAtMs < HIDDEN_INTERVAL_MS * (drawsHidden ? 1 : 2)) continue;
        drawsHidden = false;
      }
      group.drawnAtMs = now;
      for (const [offset, row] of rows.entries()) row.draw(book, index * GROUP_ROWS + offset, largest);
    }
  }

  close(): void {
    this.#view.disconnect();
    this.#fit.close();
  }

  /** A server that was started anew may have the symbol with other scales. */
  #rescale({ priceScale, quantityScale, quantityDigits }: BookFrame): void {
    const scales = `${priceScale} ${quantityScale} ${quantityDigits}`;
    if (scales === this.#scales) return;
    this.#scales = scales;
    for (const { rows } of this.#groups) for (const row of rows) row.rescale();
  }

  /** Cells are cut, with an ellipsis, only where they have to be: 900 clips are a fifth of the work of a frame. */
  #cutWhatIsLong(book: BookFrame, largest: number): void {
    const prices = [book.bids.at(-LEVEL_STRIDE), book.asks.at(-LEVEL_STRIDE)].map((price) =>
      priceText(price ?? 0, book),
    );
    const price = prices.reduce((longest, text) => (text.length > longest.length ? text : longest));
    const isCut = !this.#fit.fits(price, quantityText(largest, book));
    if (isCut !== this.root.classList.contains("cut")) this.root.classList.toggle("cut", isCut);
  }

  #look(seen: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of seen) {
      const group = this.#groups.find(({ root }) => root === target);
      if (group !== undefined) group.isInView = isIntersecting;
    }
  }
}

function createGroup(rowCount: number): Group {
  const rows = Array.from({ length: rowCount }, () => new LadderRow());
  const root = element("tbody", { role: "rowgroup" }, ...rows.map((row) => row.root));
  return { root, rows, isInView: true, drawnAtMs: 0 };
}

function largestQuantity(levels: LevelColumns): number {
  let largest = 0;
  for (let at = 1; at < levels.length; at += LEVEL_STRIDE) largest = Math.max(largest, levels[at] ?? 0);
  return largest;
}
