import { formatDecimal } from "../../src/protocol/decimal.ts";
import { DepthChart } from "./depth-chart.ts";
import { element, setText } from "./elements.ts";
import { type BookFrame, LEVEL_STRIDE } from "./feed-messages.ts";
import { Ladder } from "./ladder.ts";

const FACTS = ["Sequence", "Updates", "Latency", "Merged", "Checksums", "Age"] as const;
type Fact = (typeof FACTS)[number];

/** Facts are for reading: a few times a second, however often the book changes. */
const FACTS_INTERVAL_MS = 200;

/** One book: best prices, state, ladder, chart and what it went through. */
export class BookCard {
  readonly symbol: string;
  readonly root: HTMLElement;
  readonly #ladder: Ladder;
  readonly #chart: DepthChart;
  readonly #bid = element("strong", { class: "best bid" }, "–");
  readonly #ask = element("strong", { class: "best ask" }, "–");
  readonly #spread = element("span", { class: "spread" }, "–");
  readonly #state = element("span", { class: "badge" }, "waiting");
  readonly #status = element("span", { class: "badge" }, "waiting");
  readonly #facts = new Map<Fact, HTMLElement>(FACTS.map((name) => [name, element("dd", {}, "–")]));
  #factsAtMs = 0;

  constructor(symbol: string, depth: number) {
    this.symbol = symbol;
    this.#ladder = new Ladder(symbol, depth);
    this.#chart = new DepthChart(symbol);
    const facts = FACTS.map((name) => element("div", {}, element("dt", {}, name), this.#facts.get(name)!));
    this.root = element(
      "section",
      { class: "book", "aria-label": `Book of ${symbol}` },
      element("header", {}, element("h2", {}, symbol), this.#state, this.#status),
      element("div", { class: "top" }, this.#bid, this.#spread, this.#ask),
      this.#chart.root,
      this.#ladder.root,
      element("dl", { class: "facts" }, ...facts),
    );
  }

  draw(book: BookFrame): void {
    this.#ladder.draw(book);
    this.#chart.draw(book);
    setText(this.#bid, best(book.bids, book));
    setText(this.#ask, best(book.asks, book));
    setText(this.#spread, spread(book));
    badge(this.#state, book.state, book.state !== "open");
    badge(this.#status, book.status, book.status !== "live");
    this.#drawFacts(book);
  }

  /** The server does not have it. */
  refuse(message: string): void {
    badge(this.#status, message, true);
  }

  /** Nothing is read at present: whatever is shown is what was, until the next `draw`. */
  hold(): void {
    badge(this.#status, "not reading", true);
  }

  recolour(): void {
    this.#chart.recolour();
  }

  close(): void {
    this.#ladder.close();
    this.#chart.close();
    this.root.remove();
  }

  #drawFacts(book: BookFrame): void {
    const now = performance.now();
    if (now - this.#factsAtMs < FACTS_INTERVAL_MS) return;
    this.#factsAtMs = now;
    const { resyncs, verified } = book;
    const texts: Readonly<Record<Fact, string>> = {
      Sequence: grouped(book.sequence),
      Updates: `${book.updatesPerSecond} /s`,
      Latency: book.latencyMs === 0 ? "unknown" : milliseconds(book.latencyMs),
      Merged: book.mergedMost > 1 ? `${book.mergedIntervals}, most ${grouped(book.mergedMost)}` : "none",
      Checksums:
        resyncs === 0 ? `${grouped(verified)} right` : `${grouped(verified)} right, ${resyncs} resyncs`,
      Age: milliseconds(book.ageMs),
    };
    for (const [name, node] of this.#facts) setText(node, texts[name]);
  }
}

function badge(node: HTMLElement, text: string, isAlarming: boolean): void {
  setText(node, text);
  node.classList.toggle("alarm", isAlarming);
}

function best(levels: Float64Array, { priceScale }: BookFrame): string {
  const [price] = levels;
  return price === undefined ? "–" : formatDecimal(price, priceScale);
}

function spread({ bids, asks, priceScale }: BookFrame): string {
  if (bids.length < LEVEL_STRIDE || asks.length < LEVEL_STRIDE) return "–";
  return formatDecimal(asks[0]! - bids[0]!, priceScale);
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

function milliseconds(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}
