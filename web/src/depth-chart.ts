import uPlot from "uplot";
import { element } from "./elements.ts";
import { type BookFrame, LEVEL_STRIDE } from "./feed-messages.ts";

const HEIGHT = 150;
/** Ten a second: a chart is for the shape, the ladder for the numbers. */
const DRAW_INTERVAL_MS = 100;

/** The quantity that can be had down to each price, on both sides. */
export class DepthChart {
  readonly root = element("div", { class: "chart", role: "img" });
  readonly #symbol: string;
  readonly #resize = new ResizeObserver(() => this.#fit());
  #plot: uPlot | undefined;
  #drawnAtMs = 0;

  constructor(symbol: string) {
    this.#symbol = symbol;
    this.root.setAttribute("aria-label", `${symbol}: cumulative depth`);
    this.#resize.observe(this.root);
  }

  draw(book: BookFrame): void {
    const now = performance.now();
    if (now - this.#drawnAtMs < DRAW_INTERVAL_MS) return;
    this.#drawnAtMs = now;
    const data = cumulative(book);
    if (this.#plot !== undefined) {
      this.#plot.setData(data);
      return;
    }
    this.#plot = this.#create(data);
    // Charts that are made together are not drawn in the same frame ever after.
    this.#drawnAtMs -= Math.random() * DRAW_INTERVAL_MS;
  }

  /** With the colours of the theme, which may have changed. */
  recolour(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.#drawnAtMs = 0;
  }

  close(): void {
    this.#resize.disconnect();
    this.#plot?.destroy();
  }

  #create(data: uPlot.AlignedData): uPlot {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      stroke: colour("soft"),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui",
    };
    const stepped = (after: boolean): uPlot.Series.PathBuilder =>
      uPlot.paths.stepped!({ align: after ? 1 : -1 });
    const options: uPlot.Options = {
      width: this.root.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false } },
      axes: [
        { ...axis, size: 26, space: 90 },
        { ...axis, size: 56, space: 40 },
      ],
      series: [
        { label: `${this.#symbol} price` },
        {
          label: "bids",
          stroke: colour("bid"),
          fill: colour("bid-soft"),
          width: 1.5,
          paths: stepped(false),
          points: { show: false },
        },
        {
          label: "asks",
          stroke: colour("ask"),
          fill: colour("ask-soft"),
          width: 1.5,
          paths: stepped(true),
          points: { show: false },
        },
      ],
    };
    return new uPlot(options, data, this.root);
  }

  #fit(): void {
    this.#plot?.setSize({ width: this.root.clientWidth, height: HEIGHT });
  }
}

/** Prices from low to high, with what stands at or better than each. */
function cumulative(book: BookFrame): uPlot.AlignedData {
  const prices: number[] = [];
  const bids: (number | null)[] = [];
  const asks: (number | null)[] = [];
  const priceUnit = 10 ** -book.priceScale;
  const quantityUnit = 10 ** -book.quantityScale;
  let sum = 0;
  for (let at = 0; at < book.bids.length; at += LEVEL_STRIDE) {
    sum += book.bids[at + 1]! * quantityUnit;
    prices.unshift(book.bids[at]! * priceUnit);
    bids.unshift(sum);
    asks.push(null);
  }
  sum = 0;
  for (let at = 0; at < book.asks.length; at += LEVEL_STRIDE) {
    const price = book.asks[at]! * priceUnit;
    sum += book.asks[at + 1]! * quantityUnit;
    // In a locked or crossed book the sides overlap; the axis has to rise.
    if (price <= (prices.at(-1) ?? -Infinity)) continue;
    prices.push(price);
    bids.push(null);
    asks.push(sum);
  }
  return [prices, bids, asks];
}
