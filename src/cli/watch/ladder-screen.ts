import type { LiveBook } from "../../client/live-book.ts";
import type { FullScreen } from "./full-screen.ts";
import { ladderPanel, PANEL_LINES, PANEL_WIDTH_MIN } from "./ladder-panel.ts";

const FRAME_MS = 50;
const RATE_WINDOW_MS = 1000;
const PANEL_GAP = "   ";
/** Wider, and the eye does not find the bar of a price. */
const PANEL_WIDTH_MAX = 80;
/** A panel lower than with so many levels is not worth its place. */
const LEVELS_MIN = 1;

/** How a book has been updated. */
interface Pulse {
  mergedMost: number;
  /** Updates in the window that runs, and a second's in the one before. */
  count: number;
  perSecond: number;
}

/** Ladders of several books on a terminal, drawn in place at most 20 times a second, whatever its size is then. */
export class LadderScreen {
  readonly #screen: FullScreen;
  readonly #pulses: ReadonlyMap<LiveBook, Pulse>;
  readonly #timer: NodeJS.Timeout;
  #windowStartMs = performance.now();
  #message = "";

  constructor(screen: FullScreen, books: readonly LiveBook[]) {
    this.#screen = screen;
    this.#pulses = new Map(books.map((book) => [book, { mergedMost: 0, count: 0, perSecond: 0 }]));
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
  }

  /** Resolves when every book is closed. */
  async run(): Promise<void> {
    const counting = [...this.#pulses].map(async ([book, pulse]) => {
      for await (const { skipped, mergedMost } of book) {
        pulse.count += 1 + skipped;
        pulse.mergedMost = Math.max(pulse.mergedMost, mergedMost);
      }
    });
    try {
      await Promise.all(counting);
    } finally {
      clearInterval(this.#timer);
    }
  }

  /** Shown in the last line until the next message. */
  tell(message: string): void {
    this.#message = message;
  }

  #draw(): void {
    this.#measureRates();
    const { rows, columns } = this.#screen;
    const lines = this.#panels(rows - 1, columns);
    while (lines.length < rows - 1) lines.push("");
    this.#screen.draw([...lines, `q ends  ${this.#message}`.slice(0, columns)]);
  }

  #measureRates(): void {
    const windowMs = performance.now() - this.#windowStartMs;
    if (windowMs < RATE_WINDOW_MS) return;
    this.#windowStartMs += windowMs;
    for (const pulse of this.#pulses.values()) {
      pulse.perSecond = Math.round((pulse.count * 1000) / windowMs);
      pulse.count = 0;
    }
  }

  /** Panels beside and below each other, as many as fit. */
  #panels(rows: number, columns: number): string[] {
    const books = [...this.#pulses.keys()];
    const gap = PANEL_GAP.length;
    const fitting = Math.max(1, Math.floor((columns + gap) / (PANEL_WIDTH_MIN + gap)));
    const across = Math.min(books.length, fitting);
    const width = Math.min(PANEL_WIDTH_MAX, Math.floor((columns + gap) / across) - gap);
    const rowsMost = Math.max(1, Math.floor(rows / (PANEL_LINES + 2 * LEVELS_MIN + 1)));
    const down = Math.min(Math.ceil(books.length / across), rowsMost);
    const hidden = books.length - across * down;
    const height = Math.floor((rows - (hidden > 0 ? 1 : 0)) / down);
    const levelsMost = Math.max(1, ...books.map(({ bids, asks }) => Math.max(bids.length, asks.length)));
    const levels = Math.max(LEVELS_MIN, Math.min(levelsMost, Math.floor((height - PANEL_LINES - 1) / 2)));
    const lines: string[] = [];
    for (let row = 0; row < down; row += 1) {
      const shown = books
        .slice(row * across, (row + 1) * across)
        .map((book) => this.#panel(book, levels, width));
      for (let line = 0; line < 2 * levels + PANEL_LINES; line += 1) {
        lines.push(shown.map((panel) => panel[line]).join(PANEL_GAP));
      }
      lines.push("");
    }
    if (hidden > 0) lines.push(`and ${hidden} more; a larger terminal shows them`);
    return lines.slice(0, rows);
  }

  #panel(book: LiveBook, levels: number, width: number): string[] {
    const { mergedMost, perSecond } = this.#pulses.get(book) ?? { mergedMost: 0, perSecond: 0 };
    return ladderPanel({ book, mergedMost, updatesPerSecond: perSecond }, levels, width);
  }
}
