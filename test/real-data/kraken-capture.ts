import { crc32 } from "node:zlib";
import { readDataLines } from "./data-directory.ts";
import { fixedText, writtenDecimalsOf } from "./decimal-text.ts";
import type { HeldTop, Judge, Scales } from "./held-top.ts";
import { entriesOf, type LevelEntry, type LevelMessage, scalesBySymbol } from "./level-message.ts";

export interface KrakenMessage extends LevelMessage {
  /** Over the book after the message; a snapshot has none. */
  readonly checksum: number | undefined;
}

/** Levels a side that Kraken's checksum covers, whatever the depth subscribed to. */
export const KRAKEN_CHECKSUM_LEVELS = 10;

type LevelTexts = readonly (readonly string[])[];
interface BookPart {
  /** The whole side. */
  readonly as?: LevelTexts;
  readonly bs?: LevelTexts;
  /** Changed levels. */
  readonly a?: LevelTexts;
  readonly b?: LevelTexts;
  readonly c?: string;
}

/** The `book` messages of a capture of Kraken's v1 WebSocket, for all pairs; others are read past. */
export function readKrakenCapture(): KrakenMessage[] {
  const messages: KrakenMessage[] = [];
  for (const { number, text } of readDataLines("KRAKEN_book_crc32.capture.gz")) {
    // Lines of the connection itself carry its address in place of a time.
    const payload = /^[\d.]+: (\[.*)$/.exec(text)?.[1];
    if (payload === undefined) continue;
    const [, ...fields] = JSON.parse(payload) as [number, ...(BookPart | string)[]];
    const symbol = fields.pop() as string;
    const channel = fields.pop() as string;
    if (!channel.startsWith("book-")) continue;
    messages.push(messageOf(number, symbol, fields as BookPart[]));
  }
  return messages;
}

/** An update of both sides comes in two parts, the checksum in the last. */
function messageOf(line: number, symbol: string, parts: readonly BookPart[]): KrakenMessage {
  const entries: LevelEntry[] = parts.flatMap((part) => [
    ...entriesOf("ask", part.as),
    ...entriesOf("bid", part.bs),
    ...entriesOf("ask", part.a),
    ...entriesOf("bid", part.b),
  ]);
  const checksum = parts.at(-1)?.c;
  return {
    line,
    symbol,
    isSnapshot: parts.some((part) => part.as !== undefined || part.bs !== undefined),
    entries,
    checksum: checksum === undefined ? undefined : Number(checksum),
  };
}

/** How a pair's numbers become mantissas, and with how many decimals Kraken writes them: always the same. */
export interface KrakenFormat {
  readonly scales: Scales;
  readonly written: Scales;
}

/** By pair. */
export function krakenFormats(messages: readonly KrakenMessage[]): Map<string, KrakenFormat> {
  const written = scalesBySymbol(messages, writtenDecimalsOf);
  return new Map(
    Array.from(scalesBySymbol(messages), ([symbol, scales]) => [
      symbol,
      { scales, written: written.get(symbol) as Scales },
    ]),
  );
}

/** Wants the book to have the checksum of the message; a message without one has no answer. */
export function krakenJudge({ checksum }: KrakenMessage, format: KrakenFormat): Judge | undefined {
  if (checksum === undefined) return undefined;
  return (held) => {
    const found = krakenChecksum(held, format);
    return found === checksum ? undefined : `Kraken's checksum is ${found}, must be ${checksum}`;
  };
}

/**
 * Kraken's book checksum: CRC-32 of the best ten asks, then the best ten bids, price and volume of each as
 * Kraken writes them, without the point and the zeros before the first other digit.
 *
 * Source: https://docs.kraken.com/api/docs/guides/spot-ws-book-v1
 */
function krakenChecksum({ bids, asks }: HeldTop, { scales, written }: KrakenFormat): number {
  const text = [...asks.slice(0, KRAKEN_CHECKSUM_LEVELS), ...bids.slice(0, KRAKEN_CHECKSUM_LEVELS)]
    .map(
      ([price, quantity]) =>
        bareDigits(price, scales.priceScale, written.priceScale) +
        bareDigits(quantity, scales.quantityScale, written.quantityScale),
    )
    .join("");
  return crc32(text);
}

function bareDigits(mantissa: number, scale: number, written: number): string {
  const text = fixedText(mantissa, scale) + "0".repeat(written - scale);
  return text.replace(".", "").replace(/^0+/, "");
}
