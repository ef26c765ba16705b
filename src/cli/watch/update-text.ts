import { BookState } from "../../book/depth.ts";
import type { Instrument } from "../../book/instrument.ts";
import type { ClientBook } from "../../client/client-book.ts";
import type { BookUpdate, PriceLevel } from "../../client/market-update.ts";
import { formatDecimal } from "../../protocol/decimal.ts";
import { NoticeCode } from "../../protocol/update-encoder.ts";

/** Updates as lines of text, for files and pipes. */

const stateNames: { readonly [State in BookState]: string } = {
  [BookState.open]: "open",
  [BookState.locked]: "locked",
  [BookState.crossed]: "crossed",
};

const noticeNames: { readonly [Code in NoticeCode]: string } = {
  [NoticeCode.resync]: "resync",
  [NoticeCode.slowConsumer]: "slow_consumer",
  [NoticeCode.shutdown]: "shutdown",
};

export function stateName(state: BookState): string {
  return stateNames[state] ?? "unknown";
}

/** One line that tells how the book stands after an update; undefined for one that changes nothing in it. */
export function updateLine(book: ClientBook, update: BookUpdate): string | undefined {
  switch (update.type) {
    case "subscribed":
      return `${book.symbol} subscribed depth ${update.depth} interval ${update.intervalMs} ms`;
    case "notice":
      return `${book.symbol} notice ${noticeNames[update.code] ?? "unknown"}${update.detail && `: ${update.detail}`}`;
    case "heartbeat":
      return undefined;
    case "snapshot":
    case "delta":
      return bookLine(book, update.type);
  }
}

function bookLine(book: ClientBook, type: string): string {
  const { instrument, spread } = book;
  const words = [
    book.symbol,
    type,
    `sequence ${book.exactSequence}`,
    stateName(book.state),
    `bid ${quote(book.bestBid, instrument)}`,
    `ask ${quote(book.bestAsk, instrument)}`,
    `spread ${spread === undefined ? "-" : formatDecimal(spread, instrument.priceScale)}`,
    `levels ${book.bids.length}/${book.asks.length}`,
  ];
  if (book.mergedIntervals > 1) words.push(`merged ${book.mergedIntervals}`);
  return words.join(" ");
}

function quote(level: PriceLevel | undefined, { priceScale, quantityScale }: Instrument): string {
  if (level === undefined) return "-";
  return `${formatDecimal(level.price, priceScale)} x ${formatDecimal(level.quantity, quantityScale)}`;
}

/** An update as the JSON dialect of the WebSocket bridge has it, whichever transport it came by. */
export function updateJson(instrument: Instrument, update: BookUpdate): string {
  const { type, viewId, symbol } = update;
  return JSON.stringify({ type, viewId, symbol, ...contentJson(instrument, update) });
}

function contentJson(instrument: Instrument, update: BookUpdate): object {
  switch (update.type) {
    case "subscribed": {
      const { depth, intervalMs, heartbeatIntervalMs, resumed } = update;
      const { symbol, priceScale, quantityScale } = instrument;
      return {
        depth,
        intervalMs,
        heartbeatIntervalMs,
        resumed,
        instrument: { symbol, priceScale, quantityScale },
      };
    }
    case "notice":
      return { code: noticeNames[update.code] ?? "unknown", detail: update.detail };
    case "heartbeat":
      return {
        epoch: String(update.epoch),
        sequence: String(update.sequence),
        publishTime: String(update.publishTimeUnixNanos),
      };
    case "snapshot":
      return { epoch: String(update.epoch), ...windowJson(instrument, update) };
    case "delta":
      return {
        prevSequence: String(update.prevSequence),
        ...windowJson(instrument, update),
        mergedIntervals: update.mergedIntervals,
      };
  }
}

function windowJson(instrument: Instrument, update: Extract<BookUpdate, { bids: unknown }>): object {
  const { priceScale, quantityScale } = instrument;
  const levels = (side: readonly PriceLevel[]) =>
    side.map(({ price, quantity, orderCount }) => [
      formatDecimal(price, priceScale),
      formatDecimal(quantity, quantityScale),
      orderCount,
    ]);
  return {
    sequence: String(update.sequence),
    bids: levels(update.bids),
    asks: levels(update.asks),
    checksum: update.checksum,
    state: stateName(update.state),
    sourceTime: String(update.sourceTimeUnixNanos),
    publishTime: String(update.publishTimeUnixNanos),
  };
}
