import { readDataLines } from "./data-directory.ts";
import { mantissaOf } from "./decimal-text.ts";
import { beginsWith, type HeldTop, type Judge, type Scales } from "./held-top.ts";
import { entriesOf, type LevelMessage } from "./level-message.ts";

export interface BinanceMessage extends LevelMessage {
  /** The book's update id after the message. */
  readonly updateId: number;
  /** The newest best bid and ask that the exchange told for this update id or one before. */
  readonly best: BinanceTicker | undefined;
}

/** `bookTicker`: best prices with their quantities, told whenever one of them changes. */
interface BinanceTicker {
  /** Update id. */
  readonly u: number;
  readonly b: string;
  readonly B: string;
  readonly a: string;
  readonly A: string;
}

const symbol = "BTCUSDT";

type LevelTexts = readonly (readonly string[])[];
interface DepthUpdate {
  readonly e: "depthUpdate";
  /** First and last update id. */
  readonly U: number;
  readonly u: number;
  readonly b: LevelTexts;
  readonly a: LevelTexts;
}
interface RestSnapshot {
  readonly lastUpdateId: number;
  readonly bids: LevelTexts;
  readonly asks: LevelTexts;
}
type Payload = RestSnapshot | { readonly stream: string; readonly data: DepthUpdate | BinanceTicker };

/**
 * The REST snapshot of a capture and the `depthUpdate`s that come after it, their chain checked as Binance
 * documents it: those that the snapshot includes are dropped, the first spans its end, and each begins
 * where the one before ended.
 */
export function readBinanceCapture(): BinanceMessage[] {
  const messages: BinanceMessage[] = [];
  const tickers: BinanceTicker[] = [];
  const updates: { readonly line: number; readonly update: DepthUpdate }[] = [];
  for (const { number, text } of readDataLines("BINANCE_spot_btcusdt_20240808.gz")) {
    const payload = JSON.parse(text.slice(text.indexOf(" ") + 1)) as Payload;
    if ("lastUpdateId" in payload) messages.push(snapshotOf(number, payload));
    else if (payload.stream.endsWith("@bookTicker")) tickers.push(payload.data as BinanceTicker);
    else if (payload.stream.includes("@depth"))
      updates.push({ line: number, update: payload.data as DepthUpdate });
  }
  let updateId = messages[0]?.updateId;
  if (updateId === undefined || messages.length > 1) throw new Error("there is one REST snapshot");
  let told = 0;
  for (const { line, update } of updates) {
    if (update.u <= updateId) continue;
    const chained = messages.length === 1 ? update.U <= updateId + 1 : update.U === updateId + 1;
    if (!chained) throw new Error(`line ${line}: update ${update.U} does not follow ${updateId}`);
    updateId = update.u;
    while ((tickers[told]?.u ?? Infinity) <= updateId) told += 1;
    const entries = [...entriesOf("bid", update.b), ...entriesOf("ask", update.a)];
    messages.push({ line, symbol, isSnapshot: false, entries, updateId, best: tickers[told - 1] });
  }
  return messages;
}

/** Wants the best bid and ask that the exchange told; the snapshot has no such answer. */
export function binanceJudge({ best }: BinanceMessage, scales: Scales): Judge | undefined {
  if (best === undefined) return undefined;
  const level = (price: string, quantity: string): HeldTop["bids"] => [
    [Number(mantissaOf(price, scales.priceScale)), Number(mantissaOf(quantity, scales.quantityScale))],
  ];
  return beginsWith({ bids: level(best.b, best.B), asks: level(best.a, best.A) });
}

function snapshotOf(line: number, { lastUpdateId, bids, asks }: RestSnapshot): BinanceMessage {
  return {
    line,
    symbol,
    isSnapshot: true,
    entries: [...entriesOf("bid", bids), ...entriesOf("ask", asks)],
    updateId: lastUpdateId,
    best: undefined,
  };
}
