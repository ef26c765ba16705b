import { BOOK_STATE_NAMES, BookState, type DepthSide } from "../book/depth.ts";
import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { formatDecimal } from "./decimal.ts";
import { DECIMAL_BYTES_MAX, putDecimal, putInt64, putUint64, putUnsigned } from "./decimal-bytes.ts";
import { PieceWriter } from "./piece-writer.ts";
import { NoticeCode, type UpdateEncoder, type ViewIdentity, type WindowContent } from "./update-encoder.ts";

/**
 * The JSON dialect of the WebSocket bridge: a piece is the UTF-8 text of one frame, with the keys in the
 * order in which the protocol's documentation shows them. What is sent all the time is written straight
 * from the columns into bytes, as it is the hot path of every browser; whatever a stranger may have
 * written goes through JSON.stringify.
 */
export const jsonDialect: UpdateEncoder = {
  subscribed: (view, content) =>
    utf8(
      `{"type":"subscribed","id":${JSON.stringify(content.id)},${viewFields(view)},"depth":${view.depth}` +
        `,"intervalMs":${view.intervalMs},"heartbeatIntervalMs":${content.heartbeatIntervalMs}` +
        `,"resumed":${content.resumed},"instrument":${instrumentJson(view.instrument)}}`,
    ),

  snapshot: (view, content) => {
    const bytes = writer.begin(bytesMaxOf(content));
    let at = putView(bytes, SNAPSHOT, view);
    at = putBigint(bytes, putText(bytes, at, EPOCH), content.epoch);
    at = putUnsigned(bytes, putText(bytes, at, SEQUENCE_AFTER), content.sequence);
    at = putWindow(bytes, at, view.instrument, content);
    return writer.finish(0, putText(bytes, at, QUOTED_END));
  },

  delta: (view, content) => {
    const bytes = writer.begin(bytesMaxOf(content));
    let at = putView(bytes, DELTA, view);
    at = putUnsigned(bytes, putText(bytes, at, PREV_SEQUENCE), content.prevSequence);
    at = putUnsigned(bytes, putText(bytes, at, SEQUENCE_AFTER), content.sequence);
    at = putWindow(bytes, at, view.instrument, content);
    at = putUnsigned(bytes, putText(bytes, at, MERGED_INTERVALS), content.mergedIntervals);
    bytes[at] = CLOSING_BRACE;
    return writer.finish(0, at + 1);
  },

  heartbeat: (view, content) => {
    const bytes = writer.begin(FIXED_BYTES_MAX);
    let at = putView(bytes, HEARTBEAT, view);
    at = putBigint(bytes, putText(bytes, at, EPOCH), content.epoch);
    at = putUnsigned(bytes, putText(bytes, at, SEQUENCE_AFTER), content.sequence);
    at = putBigint(bytes, putText(bytes, at, PUBLISH_TIME), content.publishTimeUnixNanos);
    return writer.finish(0, putText(bytes, at, QUOTED_END));
  },

  notice: (view, content) =>
    utf8(
      `{"type":"notice",${viewFields(view)},"code":"${noticeNames[content.code]}"` +
        `,"detail":${JSON.stringify(content.detail)}}`,
    ),
};

/** An instrument as `subscribed` and `GET /v1/instruments` show it. */
export function instrumentJson(instrument: Instrument): string {
  const { symbol, priceScale, quantityScale, crossPolicy, tickSize, lotSize, description } = instrument;
  return (
    `{"symbol":${JSON.stringify(symbol)},"priceScale":${priceScale},"quantityScale":${quantityScale}` +
    `,"crossPolicy":"${crossPolicyNames[crossPolicy]}"` +
    `,"tickSize":"${formatDecimal(tickSize === 0 ? 1 : tickSize, priceScale)}"` +
    `,"lotSize":"${formatDecimal(lotSize === 0 ? 1 : lotSize, quantityScale)}"` +
    `,"description":${JSON.stringify(description)}}`
  );
}

const crossPolicyNames: { readonly [Policy in CrossPolicy]: string } = {
  [CrossPolicy.reject]: "reject",
  [CrossPolicy.flag]: "flag",
};

const noticeNames: { readonly [Code in NoticeCode]: string } = {
  [NoticeCode.resync]: "resync",
  [NoticeCode.slowConsumer]: "slow_consumer",
  [NoticeCode.shutdown]: "shutdown",
};

function viewFields(view: ViewIdentity): string {
  return `"viewId":${view.viewId},"symbol":${JSON.stringify(view.instrument.symbol)}`;
}

const SNAPSHOT = ascii('{"type":"snapshot","viewId":');
const DELTA = ascii('{"type":"delta","viewId":');
const HEARTBEAT = ascii('{"type":"heartbeat","viewId":');
const SYMBOL = ascii(',"symbol":"');
const EPOCH = ascii('","epoch":"');
const PREV_SEQUENCE = ascii('","prevSequence":"');
const SEQUENCE_AFTER = ascii('","sequence":"');
const BIDS = ascii('","bids":[');
const ASKS = ascii('],"asks":[');
const CHECKSUM = ascii('],"checksum":');
const STATES: { readonly [State in BookState]: Uint8Array } = {
  [BookState.open]: ascii(`,"state":"${BOOK_STATE_NAMES[BookState.open]}","sourceTime":"`),
  [BookState.locked]: ascii(`,"state":"${BOOK_STATE_NAMES[BookState.locked]}","sourceTime":"`),
  [BookState.crossed]: ascii(`,"state":"${BOOK_STATE_NAMES[BookState.crossed]}","sourceTime":"`),
};
const PUBLISH_TIME = ascii('","publishTime":"');
const MERGED_INTERVALS = ascii('","mergedIntervals":');
const QUOTED_END = ascii('"}');

const [QUOTE, COMMA, OPENING_BRACKET, CLOSING_BRACKET, CLOSING_BRACE] = [0x22, 0x2c, 0x5b, 0x5d, 0x7d];
/** All of a piece but its levels: texts of 200 bytes at most, a symbol and eight numbers of 20 bytes. */
const FIXED_BYTES_MAX = 512;
/** Two decimals, an order count of ten digits, and nine marks between them. */
const LEVEL_BYTES_MAX = 2 * DECIMAL_BYTES_MAX + 10 + 9;

const writer = new PieceWriter();
const wide = new DataView(new ArrayBuffer(8));

function bytesMaxOf({ bids, asks }: WindowContent): number {
  return FIXED_BYTES_MAX + (bids.length + asks.length) * LEVEL_BYTES_MAX;
}

/** From the start of the piece to the end of the symbol, which by its pattern needs no escapes. */
function putView(bytes: Uint8Array, type: Uint8Array, view: ViewIdentity): number {
  const { symbol } = view.instrument;
  let at = putUnsigned(bytes, putText(bytes, 0, type), view.viewId);
  at = putText(bytes, at, SYMBOL);
  for (let index = 0; index < symbol.length; index++) bytes[at++] = symbol.charCodeAt(index);
  return at;
}

/** What snapshot and delta have in common, up to the digits of the publish time. */
function putWindow(bytes: Uint8Array, at: number, instrument: Instrument, window: WindowContent): number {
  at = putLevels(bytes, putText(bytes, at, BIDS), window.bids, instrument);
  at = putLevels(bytes, putText(bytes, at, ASKS), window.asks, instrument);
  at = putUnsigned(bytes, putText(bytes, at, CHECKSUM), window.checksum);
  at = putInt64(bytes, putText(bytes, at, STATES[window.state]), window.sourceTimeLow, window.sourceTimeHigh);
  return putBigint(bytes, putText(bytes, at, PUBLISH_TIME), window.publishTimeUnixNanos);
}

function putLevels(bytes: Uint8Array, at: number, side: DepthSide, instrument: Instrument): number {
  const { length, price, quantity, orderCount } = side;
  const { priceScale, quantityScale } = instrument;
  for (let index = 0; index < length; index++) {
    if (index > 0) bytes[at++] = COMMA;
    bytes[at] = OPENING_BRACKET;
    bytes[at + 1] = QUOTE;
    at = putDecimal(bytes, at + 2, price[index] as number, priceScale);
    bytes[at] = QUOTE;
    bytes[at + 1] = COMMA;
    bytes[at + 2] = QUOTE;
    at = putDecimal(bytes, at + 3, quantity[index] as number, quantityScale);
    bytes[at] = QUOTE;
    bytes[at + 1] = COMMA;
    at = putUnsigned(bytes, at + 2, orderCount[index] as number);
    bytes[at++] = CLOSING_BRACKET;
  }
  return at;
}

/** An int64 or a uint64. */
function putBigint(bytes: Uint8Array, at: number, value: bigint): number {
  wide.setBigInt64(0, value, true);
  const low = wide.getInt32(0, true);
  const high = wide.getInt32(4, true);
  return value < 0n ? putInt64(bytes, at, low, high) : putUint64(bytes, at, low, high);
}

function putText(bytes: Uint8Array, at: number, text: Uint8Array): number {
  bytes.set(text, at);
  return at + text.length;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

function utf8(text: string): Uint8Array {
  return Buffer.from(text);
}
