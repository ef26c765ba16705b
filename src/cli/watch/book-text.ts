import { BOOK_STATE_NAMES, type BookState } from "../../book/depth.ts";
import type { BookChange, BookLevel, LiveBook } from "../../client/live-book.ts";

/** A book as one line of text, for files and pipes. */

export function stateName(state: BookState): string {
  return BOOK_STATE_NAMES[state] ?? "unknown";
}

/** For people: how the book stands now. */
export function bookLine(book: LiveBook, { skipped, mergedMost }: BookChange): string {
  const words = [
    book.symbol,
    book.status,
    `sequence ${book.sequence}`,
    stateName(book.state),
    `bid ${quote(book.bestBid)}`,
    `ask ${quote(book.bestAsk)}`,
    `spread ${book.spread?.text ?? "-"}`,
    `levels ${book.bids.length}/${book.asks.length}`,
  ];
  if (mergedMost > 1) words.push(`merged ${mergedMost}`);
  if (skipped > 0) words.push(`skipped ${skipped}`);
  return words.join(" ");
}

function quote(level: BookLevel | undefined): string {
  return level === undefined ? "-" : `${level.price.text} x ${level.quantity.text}`;
}

/**
 * For programs: the whole book, with names and forms of the JSON dialect of the WebSocket bridge (decimals and 64-bit
 * integers are strings, a level is `[price, quantity, orders]`). Each line stands by itself, so one that was skipped is
 * not missed.
 */
export function bookJson(book: LiveBook, { skipped, mergedMost }: BookChange): string {
  const levels = (side: readonly BookLevel[]) =>
    side.map(({ price, quantity, orderCount }) => [price.text, quantity.text, orderCount]);
  return JSON.stringify({
    type: "book",
    symbol: book.symbol,
    status: book.status,
    epoch: String(book.position?.epoch ?? 0n),
    sequence: String(book.sequence),
    bids: levels(book.bids),
    asks: levels(book.asks),
    checksum: book.checksum,
    state: stateName(book.state),
    sourceTime: String(book.sourceTimeUnixNanos),
    publishTime: String(book.publishTimeUnixNanos),
    mergedIntervals: mergedMost,
    skipped,
  });
}
