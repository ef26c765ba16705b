import type { WriteStream } from "node:tty";
import type { ClientBook } from "../../client/client-book.ts";
import { ladderPanel, PANEL_LINES } from "./ladder-panel.ts";

const FRAME_MS = 50;
const RATE_WINDOW_MS = 1000;
const PANEL_GAP = "   ";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
// Between these two a terminal that knows them shows nothing half drawn.
const BEGIN_FRAME = "\u001b[?2026h\u001b[H";
const END_FRAME = "\u001b[J\u001b[?2026l";
const END_OF_LINE = "\u001b[K";

interface Pulse {
  updatedAtMs: number;
  mergedMost: number;
  /** Updates in the window that runs, and in the one before. */
  count: number;
  lastCount: number;
  windowStartMs: number;
}

/** Ladders of several books on a terminal, drawn in place at most 20 times a second. */
export class LadderScreen {
  readonly #terminal: WriteStream;
  readonly #books: () => readonly ClientBook[];
  readonly #pulses = new Map<string, Pulse>();
  readonly #timer: NodeJS.Timeout;
  readonly #restore = () => this.#terminal.write(LEAVE);
  #message = "";

  constructor(terminal: WriteStream, books: () => readonly ClientBook[]) {
    this.#terminal = terminal;
    this.#books = books;
    terminal.write(ENTER);
    // However the process ends, the cursor comes back.
    process.once("exit", this.#restore);
    this.#timer = setInterval(() => this.#draw(), FRAME_MS);
  }

  /** A book has taken an update. */
  updated(book: ClientBook): void {
    const now = performance.now();
    const pulse = this.#pulseOf(book.symbol, now);
    pulse.updatedAtMs = now;
    pulse.count += 1;
    pulse.mergedMost = Math.max(pulse.mergedMost, book.mergedIntervals);
  }

  /** Shown in the last line until the next message. */
  tell(message: string): void {
    this.#message = message;
  }

  close(): void {
    clearInterval(this.#timer);
    process.removeListener("exit", this.#restore);
    this.#restore();
  }

  #pulseOf(symbol: string, nowMs: number): Pulse {
    let pulse = this.#pulses.get(symbol);
    if (pulse === undefined) {
      pulse = { updatedAtMs: nowMs, mergedMost: 0, count: 0, lastCount: 0, windowStartMs: nowMs };
      this.#pulses.set(symbol, pulse);
    }
    if (nowMs - pulse.windowStartMs >= RATE_WINDOW_MS) {
      pulse.lastCount = Math.round((pulse.count * 1000) / (nowMs - pulse.windowStartMs));
      pulse.count = 0;
      pulse.windowStartMs = nowMs;
    }
    return pulse;
  }

  #draw(): void {
    // A terminal that has not shown the last frame yet gets no further one.
    if (this.#terminal.writableLength > 0) return;
    const { rows, columns } = this.#terminal;
    const lines = this.#panels(rows - 1, columns);
    while (lines.length < rows - 1) lines.push("");
    lines.push(`${this.#message} ctrl-C ends`.trim().slice(0, columns));
    this.#terminal.write(`${BEGIN_FRAME}${lines.map((line) => line + END_OF_LINE).join("\r\n")}${END_FRAME}`);
  }

  /** Panels beside and below each other, as many as fit. */
  #panels(rows: number, columns: number): string[] {
    const books = this.#books();
    const panels = books.map((book) => this.#panel(book, 1));
    const width = Math.max(1, ...panels.map((panel) => panel.width));
    const across = Math.max(1, Math.floor((columns + PANEL_GAP.length) / (width + PANEL_GAP.length)));
    const down = Math.min(
      Math.ceil(books.length / across),
      Math.max(1, Math.floor(rows / (PANEL_LINES + 3))),
    );
    const height = Math.floor(rows / Math.max(1, down));
    const levelsMax = Math.max(...books.map((book) => Math.max(1, book.bids.length, book.asks.length)));
    const levels = Math.max(1, Math.min(levelsMax, Math.floor((height - PANEL_LINES - 1) / 2)));
    const lines: string[] = [];
    for (let row = 0; row < down; row += 1) {
      const shown = books.slice(row * across, (row + 1) * across).map((book) => this.#panel(book, levels));
      for (let line = 0; line < 2 * levels + PANEL_LINES; line += 1) {
        lines.push(shown.map((panel) => panel.lines[line]).join(PANEL_GAP));
      }
      lines.push("");
    }
    const hidden = books.length - across * down;
    if (hidden > 0) lines.push(`and ${hidden} more; a larger terminal shows them`);
    return lines.slice(0, rows);
  }

  #panel(book: ClientBook, levels: number) {
    const now = performance.now();
    const pulse = this.#pulseOf(book.symbol, now);
    return ladderPanel(
      {
        book,
        ageMs: now - pulse.updatedAtMs,
        mergedMost: pulse.mergedMost,
        updatesPerSecond: pulse.lastCount,
      },
      levels,
    );
  }
}
