import { BookState, type DepthSide } from "../../src/book/depth.ts";
import type { Instrument } from "../../src/book/instrument.ts";
import { formatDecimal } from "../../src/protocol/decimal.ts";
import { instrumentJson } from "../../src/protocol/json-dialect.ts";
import { NoticeCode, type UpdateEncoder, type ViewIdentity } from "../../src/protocol/update-encoder.ts";
import { int64FromWords } from "../../src/protocol/wide-numbers.ts";

/** The same updates as text put together from strings: the oracle of the dialect that writes bytes itself. */
export const jsonTextDialect: UpdateEncoder = {
  subscribed: (view, content) =>
    utf8(
      `{"type":"subscribed","id":${JSON.stringify(content.id)},${viewFields(view)},"depth":${view.depth}` +
        `,"intervalMs":${view.intervalMs},"heartbeatIntervalMs":${content.heartbeatIntervalMs}` +
        `,"resumed":${content.resumed},"instrument":${instrumentJson(view.instrument)}}`,
    ),

  snapshot: (view, content) =>
    utf8(
      `{"type":"snapshot",${viewFields(view)},"epoch":"${content.epoch}","sequence":"${content.sequence}"` +
        `,"bids":${levelsJson(content.bids, view.instrument)}` +
        `,"asks":${levelsJson(content.asks, view.instrument)}` +
        `,"checksum":${content.checksum},"state":"${stateNames[content.state]}"` +
        `,"sourceTime":"${nanosText(content.sourceTimeLow, content.sourceTimeHigh)}"` +
        `,"publishTime":"${content.publishTimeUnixNanos}"}`,
    ),

  delta: (view, content) =>
    utf8(
      `{"type":"delta",${viewFields(view)},"prevSequence":"${content.prevSequence}"` +
        `,"sequence":"${content.sequence}"` +
        `,"bids":${levelsJson(content.bids, view.instrument)}` +
        `,"asks":${levelsJson(content.asks, view.instrument)}` +
        `,"checksum":${content.checksum},"state":"${stateNames[content.state]}"` +
        `,"sourceTime":"${nanosText(content.sourceTimeLow, content.sourceTimeHigh)}"` +
        `,"publishTime":"${content.publishTimeUnixNanos}","mergedIntervals":${content.mergedIntervals}}`,
    ),

  heartbeat: (view, content) =>
    utf8(
      `{"type":"heartbeat",${viewFields(view)},"epoch":"${content.epoch}","sequence":"${content.sequence}"` +
        `,"publishTime":"${content.publishTimeUnixNanos}"}`,
    ),

  notice: (view, content) =>
    utf8(
      `{"type":"notice",${viewFields(view)},"code":"${noticeNames[content.code]}"` +
        `,"detail":${JSON.stringify(content.detail)}}`,
    ),
};

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

function viewFields(view: ViewIdentity): string {
  return `"viewId":${view.viewId},"symbol":${JSON.stringify(view.instrument.symbol)}`;
}

function levelsJson(side: DepthSide, instrument: Instrument): string {
  const { length, price, quantity, orderCount } = side;
  const { priceScale, quantityScale } = instrument;
  let text = "[";
  for (let i = 0; i < length; i += 1) {
    const priceText = formatDecimal(price[i] as number, priceScale);
    const quantityText = formatDecimal(quantity[i] as number, quantityScale);
    text += `${i === 0 ? "" : ","}["${priceText}","${quantityText}",${orderCount[i] as number}]`;
  }
  return `${text}]`;
}

function nanosText(low: number, high: number): string {
  if (low === 0 && high === 0) return "0";
  return String(int64FromWords(low, high));
}

function utf8(text: string): Uint8Array {
  return Buffer.from(text);
}
