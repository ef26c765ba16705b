import type { Position } from "./update.ts";

/**
 * The books of one consumer, kept and checked straight from the bytes of `SubscribeResponse`s, at a few
 * nanoseconds a level, so that a thousand consumers can check every message on one core. Checks the chain
 * (`prev_sequence`, rising sequence, epoch, what may follow what), the depth and the checksum; the rest of the
 * contract is `ReferenceBook`'s. Written from PROTOCOL.md alone; shares nothing with src/.
 */

export interface LeanCounters {
  snapshots: number;
  deltas: number;
  heartbeats: number;
  /** Subscriptions that went on from the position that they gave. */
  resumed: number;
  resyncs: number;
  mergedIntervalsMax: number;
}

interface LeanBook {
  readonly symbol: string;
  depth: number;
  expects: "subscribed" | "snapshot" | "delta";
  /** The connection before ended with a whole book. */
  resumable: boolean;
  epoch: bigint;
  sequence: number;
  /** Heartbeats raise it. */
  exactUpTo: number;
  checksum: number;
  /** By price: the checksum of the level. */
  readonly bids: Map<number, number>;
  readonly asks: Map<number, number>;
}

export interface LeanState {
  readonly symbol: string;
  readonly exactUpTo: number;
  readonly checksum: number;
}

export class LeanBooks {
  readonly counters: LeanCounters = {
    snapshots: 0,
    deltas: 0,
    heartbeats: 0,
    resumed: 0,
    resyncs: 0,
    mergedIntervalsMax: 0,
  };
  readonly #books = new Map<number, LeanBook>();

  /** A connection begins: every view has to begin with Subscribed. Returns where to go on, by symbol. */
  reconnect(): ReadonlyMap<string, Position> {
    const positions = new Map<string, Position>();
    for (const book of this.#books.values()) {
      if (book.expects !== "subscribed") book.resumable = book.expects === "delta";
      if (book.resumable) positions.set(book.symbol, { epoch: book.epoch, sequence: book.sequence });
      book.expects = "subscribed";
    }
    return positions;
  }

  states(): LeanState[] {
    return [...this.#books.values()].map(({ symbol, exactUpTo, checksum }) => ({
      symbol,
      exactUpTo,
      checksum,
    }));
  }

  /** How many views have a book on the present connection. */
  get ready(): number {
    let ready = 0;
    for (const { expects } of this.#books.values()) if (expects === "delta") ready += 1;
    return ready;
  }

  /**
   * Applies the `SubscribeResponse` in `bytes` from `start` to `end`.
   *
   * @throws Error at the first breach of the contract.
   */
  apply(bytes: Buffer, start: number, end: number): void {
    wire.at = start;
    while (wire.at < end) {
      const tag = number(bytes);
      require(tag === 0x0a, `a SubscribeResponse has updates, not the tag ${tag}`);
      const length = number(bytes);
      this.#applyUpdate(bytes, wire.at + length);
    }
    require(wire.at === end, "a SubscribeResponse ends with its last update");
  }

  #applyUpdate(bytes: Buffer, end: number): void {
    let viewId = 0;
    let symbol = "";
    while (wire.at < end) {
      const tag = number(bytes);
      if (tag === 0x08) {
        viewId = number(bytes);
        continue;
      }
      const eventEnd = number(bytes) + wire.at;
      if (tag === 0x12) symbol = bytes.toString("latin1", wire.at, eventEnd);
      else this.#applyEvent(tag >>> 3, this.#bookOf(viewId, symbol), bytes, eventEnd);
      wire.at = eventEnd;
    }
  }

  #bookOf(viewId: number, symbol: string): LeanBook {
    let book = this.#books.get(viewId);
    if (book === undefined) {
      book = {
        symbol,
        depth: 0,
        expects: "subscribed",
        resumable: false,
        epoch: 0n,
        sequence: -1,
        exactUpTo: -1,
        checksum: 0,
        bids: new Map(),
        asks: new Map(),
      };
      this.#books.set(viewId, book);
    }
    require(book.symbol === symbol, `view ${viewId} is of ${book.symbol}, not of ${symbol}`);
    return book;
  }

  #applyEvent(field: number, book: LeanBook, bytes: Buffer, end: number): void {
    readEvent(field, bytes, end, book);
    switch (field) {
      case 3:
        this.#subscribed(book);
        return;
      case 4:
        this.counters.snapshots += 1;
        requireIn(book, book.expects === "snapshot", "a Snapshot starts a chain");
        requireIn(book, event.sequence >= book.exactUpTo, "the sequence does not go back");
        requireIn(book, event.epoch > 0n, "an epoch is above 0");
        book.epoch = event.epoch;
        book.expects = "delta";
        this.#move(book);
        return;
      case 5:
        this.counters.deltas += 1;
        requireIn(book, book.expects === "delta", "a Delta comes after a Snapshot");
        requireIn(book, event.prevSequence === book.sequence, `prev_sequence is ${book.sequence}`);
        requireIn(book, event.sequence > book.exactUpTo, `sequence rises above ${book.exactUpTo}`);
        this.counters.mergedIntervalsMax = Math.max(this.counters.mergedIntervalsMax, event.mergedIntervals);
        this.#move(book);
        return;
      case 6:
        this.counters.heartbeats += 1;
        requireIn(book, book.expects === "delta", "a Heartbeat comes after the chain began");
        requireIn(book, event.epoch === book.epoch, "a Heartbeat names the epoch of the chain");
        requireIn(book, event.sequence >= book.exactUpTo, "a Heartbeat's sequence does not go back");
        book.exactUpTo = event.sequence;
        return;
      default:
        requireIn(book, field === 7, `an update of field ${field}`);
        requireIn(book, book.expects !== "subscribed", "Subscribed is the first message");
        if (event.noticeCode !== NOTICE_RESYNC) return;
        this.counters.resyncs += 1;
        book.expects = "snapshot";
    }
  }

  #subscribed(book: LeanBook): void {
    requireIn(book, book.expects !== "delta", "Subscribed comes first, or after a Notice RESYNC");
    requireIn(
      book,
      !event.resumed || (book.expects === "subscribed" && book.resumable),
      "resumed is only told to a client that asked for it",
    );
    book.depth = event.depth;
    if (event.resumed) {
      this.counters.resumed += 1;
      book.expects = "delta";
      return;
    }
    // Another gateway may be an interval behind: only on one connection does the sequence not go back.
    if (book.expects === "subscribed") book.exactUpTo = -1;
    book.expects = "snapshot";
  }

  #move(book: LeanBook): void {
    book.sequence = event.sequence;
    book.exactUpTo = event.sequence;
    requireIn(book, book.bids.size <= book.depth, `at most ${book.depth} bids`);
    requireIn(book, book.asks.size <= book.depth, `at most ${book.depth} asks`);
    requireIn(
      book,
      event.checksum === book.checksum,
      `the checksum is ${book.checksum}, not ${event.checksum}`,
    );
  }
}

const NOTICE_RESYNC = 1;

/** What `readEvent` has read. One for all: nothing is kept between two events. */
const event = {
  epoch: 0n,
  sequence: 0,
  prevSequence: 0,
  checksum: 0,
  mergedIntervals: 0,
  depth: 0,
  resumed: false,
  noticeCode: 0,
};

/** Levels go into the book at once; a Snapshot empties it before. */
function readEvent(field: number, bytes: Buffer, end: number, book: LeanBook): void {
  event.epoch = 0n;
  event.sequence = 0;
  event.prevSequence = 0;
  event.checksum = 0;
  event.mergedIntervals = 0;
  event.depth = 0;
  event.resumed = false;
  event.noticeCode = 0;
  if (field === 4) {
    book.bids.clear();
    book.asks.clear();
    book.checksum = 0;
  }
  while (wire.at < end) {
    const tag = number(bytes);
    const known = (field << 4) | (tag >>> 3);
    switch (tag & 7) {
      case 0: {
        const value = wire.at;
        assign(known, number(bytes));
        if (known === SNAPSHOT_EPOCH || known === HEARTBEAT_EPOCH) {
          wire.at = value;
          event.epoch = wide(bytes);
        }
        break;
      }
      case 2: {
        const length = number(bytes);
        if ((field === 4 || field === 5) && tag === 0x1a) readLevel(bytes, wire.at + length, 1, book);
        else if ((field === 4 || field === 5) && tag === 0x22) readLevel(bytes, wire.at + length, 2, book);
        else wire.at += length;
        break;
      }
      case 5:
        require((field === 4 || field === 5) && tag === 0x2d, "only a checksum is a fixed32");
        event.checksum = bytes.readUInt32LE(wire.at);
        wire.at += 4;
        break;
      default:
        throw new Error(`contract broken: the wire type of tag ${tag}`);
    }
  }
}

const SNAPSHOT_EPOCH = (4 << 4) | 1;
const HEARTBEAT_EPOCH = (6 << 4) | 1;

/** @param known the event's field << 4 | the number of the field in it, which is below 16 */
function assign(known: number, value: number): void {
  switch (known) {
    case (3 << 4) | 2:
      event.depth = value;
      return;
    case (3 << 4) | 6:
      event.resumed = value === 1;
      return;
    case (4 << 4) | 2:
    case (5 << 4) | 2:
    case (6 << 4) | 2:
      event.sequence = value;
      return;
    case (5 << 4) | 1:
      event.prevSequence = value;
      return;
    case (5 << 4) | 9:
      event.mergedIntervals = value;
      return;
    case (7 << 4) | 1:
      event.noticeCode = value;
  }
}

function readLevel(bytes: Buffer, end: number, side: 1 | 2, book: LeanBook): void {
  let price = 0;
  let quantity = 0;
  while (wire.at < end) {
    const tag = number(bytes);
    const value = number(bytes);
    if (tag === 0x08) price = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    else if (tag === 0x10) quantity = value;
  }
  const levels = side === 1 ? book.bids : book.asks;
  const before = levels.get(price) ?? 0;
  if (quantity === 0) {
    levels.delete(price);
    book.checksum = (book.checksum - before) >>> 0;
    return;
  }
  const crc = levelChecksum(side, price, quantity);
  levels.set(price, crc);
  book.checksum = (book.checksum - before + crc) >>> 0;
}

/** Where the bytes are read. */
const wire = { at: 0 };

function number(bytes: Buffer): number {
  let byte = bytes[wire.at++] as number;
  if (byte < 0x80) return byte;
  let value = byte & 0x7f;
  let factor = 128;
  do {
    byte = bytes[wire.at++] as number;
    value += (byte & 0x7f) * factor;
    factor *= 128;
  } while (byte >= 0x80);
  return value;
}

function wide(bytes: Buffer): bigint {
  let value = 0n;
  for (let shift = 0n; ; shift += 7n) {
    const byte = bytes[wire.at++] as number;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

const crcTable = Int32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32 of `struct.pack('<Bqq', side, price, quantity)`. */
function levelChecksum(side: 1 | 2, price: number, quantity: number): number {
  let crc = crcByte(-1, side);
  crc = crcLong(crc, price);
  crc = crcLong(crc, quantity);
  return ~crc >>> 0;
}

function crcLong(crc: number, value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return crcInt(crcInt(crc, value - high * 2 ** 32), high);
}

function crcInt(crc: number, value: number): number {
  const first = crcByte(crc, value);
  const second = crcByte(first, value >>> 8);
  return crcByte(crcByte(second, value >>> 16), value >>> 24);
}

function crcByte(crc: number, byte: number): number {
  return (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
}

function requireIn(book: LeanBook, holds: boolean, promise: string): void {
  if (holds) return;
  throw new Error(
    `contract broken: ${promise}; ${book.symbol} has epoch=${book.epoch} sequence=${book.sequence} ` +
      `exactUpTo=${book.exactUpTo} expects=${book.expects}; the message: ` +
      JSON.stringify(event, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)),
  );
}

function require(holds: boolean, promise: string): void {
  if (!holds) throw new Error(`contract broken: ${promise}`);
}
