/// <reference lib="webworker" />
import { BOOK_STATE_NAMES } from "../../src/book/depth.ts";
import { connect } from "../../src/client/browser.ts";
import type { BookLevel, LiveBook } from "../../src/client/live-book.ts";
import type { MarketClient } from "../../src/client/market-client.ts";
import { type IntervalMs, isInterval } from "../../src/limits.ts";
import {
  type BookFrame,
  type FromFeed,
  LEVEL_STRIDE,
  type LevelColumns,
  type Link,
  type ToFeed,
  type Watch,
} from "./feed-messages.ts";

/**
 * The page's connection, in a worker: so that drawing never holds reading, and so that the "slow connection" switch can
 * really stop reading. While this thread is blocked, the browser's buffers fill, then the server's socket, and the
 * server merges what we miss.
 */

declare const self: DedicatedWorkerGlobalScope;

/**
 * How long the slow switch reads nothing, and then reads. Chromium by itself takes some 110 KB that nobody reads: 8 s of
 * one book of the demo, 20 levels every 50 ms. Shorter than the server's patience with one that reads nothing.
 */
const BLOCKED_MS = 20_000;
const READING_MS = 1500;
const RATE_WINDOW_MS = 1000;
const RESTING_INTERVAL_MS = 250;

/** One watched book and what is counted of it. */
class Watched {
  readonly book: LiveBook;
  verified = 0;
  mergedMost = 0;
  #countInWindow = 0;
  #windowStartMs = performance.now();
  #perSecond = 0;
  #changed = true;
  #sentAtMs = 0;

  constructor(book: LiveBook) {
    this.book = book;
    void this.#follow();
  }

  /** Rates and ages go on when the book rests. */
  get isDue(): boolean {
    return this.#changed || performance.now() - this.#sentAtMs > RESTING_INTERVAL_MS;
  }

  frame(resyncs: number): BookFrame {
    const { book } = this;
    this.#changed = false;
    this.#sentAtMs = performance.now();
    return {
      symbol: book.symbol,
      status: book.status,
      priceScale: book.instrument.priceScale,
      quantityScale: book.instrument.quantityScale,
      quantityDigits: digitsOf(book.instrument.quantityScale, book.instrument.lotSize),
      bids: columns(book.bids),
      asks: columns(book.asks),
      state: BOOK_STATE_NAMES[book.state],
      sequence: book.sequence,
      latencyMs: latencyOf(book),
      ageMs: book.ageMs,
      updatesPerSecond: this.#rate(),
      mergedIntervals: book.mergedIntervals,
      mergedMost: this.mergedMost,
      verified: this.verified,
      resyncs,
    };
  }

  async #follow(): Promise<void> {
    for await (const { skipped, mergedMost } of this.book) {
      this.#changed = true;
      this.verified += skipped + 1;
      this.#countInWindow += skipped + 1;
      this.mergedMost = Math.max(this.mergedMost, mergedMost);
    }
  }

  #rate(): number {
    const now = performance.now();
    const spanMs = now - this.#windowStartMs;
    if (spanMs >= RATE_WINDOW_MS) {
      this.#perSecond = Math.round((this.#countInWindow * 1000) / spanMs);
      this.#countInWindow = 0;
      this.#windowStartMs = now;
    }
    return this.#perSecond;
  }
}

let client: MarketClient | undefined;
let url = "";
let watched: Watched[] = [];
let wanted: Watch = { symbols: [], depth: 0, intervalMs: 0 };
let link: Link = { text: "connecting", isUp: false };
const resyncs = new Map<string, number>();
let slow = false;
let slowTimer: ReturnType<typeof setTimeout> | undefined;

self.addEventListener("message", ({ data }: MessageEvent<ToFeed>) => {
  if (data.kind === "watch") watch(data.url, data);
  else if (data.kind === "frame") sendFrame();
  else setSlow(data.on);
});

function tell(message: FromFeed, transfer: Transferable[] = []): void {
  self.postMessage(message, transfer);
}

function watch(address: string, next: Watch): void {
  wanted = next;
  url = address;
  client ??= open();
  for (const { book } of watched) book.close();
  watched = [];
  const { intervalMs } = next;
  const interval: IntervalMs = isInterval(intervalMs) ? intervalMs : 50;
  for (const symbol of next.symbols) void watchOne(client, symbol, next, interval);
}

async function watchOne(
  from: MarketClient,
  symbol: string,
  of: Watch,
  intervalMs: IntervalMs,
): Promise<void> {
  try {
    const book = await from.watch(symbol, { depth: of.depth, intervalMs });
    // Something else may have been chosen meanwhile.
    if (of === wanted) watched.push(new Watched(book));
    else book.close();
  } catch (thrown) {
    if (of === wanted)
      tell({ kind: "refused", symbol, message: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}

function open(): MarketClient {
  const opened = connect(url, { waitForServer: true });
  void (async () => {
    for await (const event of opened.events()) {
      if (event.type === "connected") link = { text: "connected", isUp: true };
      else if (event.type === "disconnected")
        link = { text: `${event.error.message}; trying again`, isUp: false };
      else if (event.type === "resync") resyncs.set(event.symbol, (resyncs.get(event.symbol) ?? 0) + 1);
    }
  })();
  return opened;
}

function sendFrame(): void {
  const books = watched.filter((one) => one.isDue).map((one) => one.frame(resyncs.get(one.book.symbol) ?? 0));
  tell(
    { kind: "frame", books, link },
    books.flatMap(({ bids, asks }) => [bids.buffer, asks.buffer]),
  );
}

function setSlow(on: boolean): void {
  slow = on;
  clearTimeout(slowTimer);
  if (on) block();
}

function block(): void {
  const untilUnixMs = performance.timeOrigin + performance.now() + BLOCKED_MS;
  tell({ kind: "blocked", untilUnixMs });
  // The message has to leave first.
  slowTimer = setTimeout(() => {
    hold(BLOCKED_MS);
    tell({ kind: "blocked", untilUnixMs: undefined });
    if (slow) slowTimer = setTimeout(block, READING_MS);
  }, 50);
}

/** Blocks this thread. Waiting costs nothing where shared memory is allowed; elsewhere it has to spin. */
function hold(durationMs: number): void {
  if (self.crossOriginIsolated) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
    return;
  }
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

function columns(levels: readonly BookLevel[]): LevelColumns {
  const numbers = new Float64Array(levels.length * LEVEL_STRIDE);
  for (const [index, { price, quantity, orderCount }] of levels.entries()) {
    const at = index * LEVEL_STRIDE;
    numbers[at] = price.mantissa;
    numbers[at + 1] = quantity.mantissa;
    numbers[at + 2] = orderCount;
  }
  return numbers;
}

/** Where all quantities are multiples of the lot size, its zeros at the end are theirs. */
function digitsOf(scale: number, lotSize: number): number {
  let digits = scale;
  for (let lot = lotSize; digits > 0 && lot > 0 && lot % 10 === 0; lot /= 10) digits -= 1;
  return digits;
}

function latencyOf(book: LiveBook): number {
  const publishedMs = Number(book.publishTimeUnixNanos / 1000n) / 1000;
  const heardMs = performance.timeOrigin + performance.now() - book.ageMs;
  return publishedMs === 0 ? 0 : Math.max(0, heardMs - publishedMs);
}
