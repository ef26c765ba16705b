import { crc32 } from "node:zlib";
import { readDataLines } from "./data-directory.ts";
import { shortestText } from "./decimal-text.ts";
import type { HeldTop, Judge, Scales } from "./held-top.ts";
import { entriesOf, type LevelMessage } from "./level-message.ts";

export interface OkexMessage extends LevelMessage {
  /** Over the book after the message, snapshots included. Signed. */
  readonly checksum: number;
}

/** Levels a side that OKEx's checksum covers. */
export const OKEX_CHECKSUM_LEVELS = 25;

interface OkexPayload {
  readonly arg?: { readonly channel: string; readonly instId: string };
  readonly action?: "snapshot" | "update";
  readonly data?: readonly {
    readonly asks: readonly (readonly string[])[];
    readonly bids: readonly (readonly string[])[];
    readonly checksum: number;
  }[];
}

/** The `books-l2-tbt` messages of a capture of OKEx's v5 WebSocket; others are read past. */
export function readOkexCapture(): OkexMessage[] {
  const messages: OkexMessage[] = [];
  for (const { number, text } of readDataLines("OKEX_book_crc32.capture.gz")) {
    const payload = /^[\d.]+: (\{.*)$/.exec(text)?.[1];
    if (payload === undefined) continue;
    const { arg, action, data } = JSON.parse(payload) as OkexPayload;
    if (arg?.channel !== "books-l2-tbt" || data === undefined) continue;
    for (const { asks, bids, checksum } of data) {
      messages.push({
        line: number,
        symbol: arg.instId,
        isSnapshot: action === "snapshot",
        entries: [...entriesOf("ask", asks), ...entriesOf("bid", bids)],
        checksum,
      });
    }
  }
  return messages;
}

/** Wants the book to have the checksum of the message. */
export function okexJudge({ checksum }: OkexMessage, scales: Scales): Judge {
  return (held) => {
    const found = okexChecksum(held, scales);
    return found === checksum ? undefined : `OKEx's checksum is ${found}, must be ${checksum}`;
  };
}

/**
 * OKEx's book checksum: CRC-32, as a signed number, of the best 25 levels, bid and ask in turn, each as
 * `price:size` in the shortest text, joined by colons; where one side has fewer the other goes on alone.
 *
 * Source: https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-order-book-channel
 */
function okexChecksum({ bids, asks }: HeldTop, { priceScale, quantityScale }: Scales): number {
  const texts: string[] = [];
  for (let rank = 0; rank < OKEX_CHECKSUM_LEVELS; rank += 1) {
    for (const level of [bids[rank], asks[rank]]) {
      if (level === undefined) continue;
      texts.push(shortestText(level[0], priceScale), shortestText(level[1], quantityScale));
    }
  }
  return crc32(texts.join(":")) | 0;
}
