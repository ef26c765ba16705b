/**
 * Whether the numbers of a ladder fit their columns, told from their lengths: to look at what was laid out would make
 * the browser lay out in the middle of a frame.
 */
export class ColumnFit {
  readonly #price: HTMLElement;
  readonly #quantity: HTMLElement;
  readonly #resize = new ResizeObserver((entries) => this.#measure(entries));
  /** Pixels, in which there is room; unknown before the first layout. */
  #priceWidth = Number.POSITIVE_INFINITY;
  #quantityWidth = Number.POSITIVE_INFINITY;
  #digitWidth = 0;

  /** @param price @param quantity a cell of each column, with the padding of all */
  constructor(price: HTMLElement, quantity: HTMLElement) {
    this.#price = price;
    this.#quantity = quantity;
    this.#resize.observe(price);
    this.#resize.observe(quantity);
  }

  /** @param price @param quantity the longest of their columns */
  fits(price: string, quantity: string): boolean {
    return this.#width(price) <= this.#priceWidth && this.#width(quantity) <= this.#quantityWidth;
  }

  close(): void {
    this.#resize.disconnect();
  }

  /** All figures are as wide as a zero, a point no more than half of that. */
  #width(text: string): number {
    return (text.length - (text.includes(".") ? 0.5 : 0)) * this.#digitWidth;
  }

  #measure(entries: readonly ResizeObserverEntry[]): void {
    for (const { target, contentRect } of entries) {
      // Text may come up to the padding's end on the far side, which nothing else uses.
      const width = contentRect.right;
      if (target === this.#price) this.#priceWidth = width;
      else this.#quantityWidth = width;
    }
    const pen = document.createElement("canvas").getContext("2d")!;
    pen.font = getComputedStyle(this.#quantity).font;
    this.#digitWidth = pen.measureText("0").width;
  }
}
