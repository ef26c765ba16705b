import { crc32 } from "node:zlib";
import {
  type BookLevel,
  type DeltaUpdate,
  describeUpdate,
  type HeartbeatUpdate,
  type Position,
  type SnapshotUpdate,
  type StateName,
  type SubscribedUpdate,
  type Update,
} from "./update.ts";

/**
 * The book of a client that trusts nobody: it applies the messages of one view by the letter of
 * PROTOCOL.md section 4 and throws, with a full account, at the first message that breaks a promise.
 * It never truncates, sorts or repairs.
 */

interface HeldLevel {
  readonly quantity: number;
  readonly orderCount: number;
  readonly crc: number;
}

/** What a book has seen so far. */
export interface ReferenceBookCounters {
  messages: number;
  snapshots: number;
  deltas: number;
  heartbeats: number;
  resyncs: number;
  mergedIntervalsMax: number;
  /** Entries of deltas. */
  entries: number;
}

const recentMax = 6;

export class ReferenceBook {
  readonly counters: ReferenceBookCounters = {
    messages: 0,
    snapshots: 0,
    deltas: 0,
    heartbeats: 0,
    resyncs: 0,
    mergedIntervalsMax: 0,
    entries: 0,
  };
  readonly #bids = new Map<number, HeldLevel>();
  readonly #asks = new Map<number, HeldLevel>();
  readonly #recent: string[] = [];
  #subscribed: SubscribedUpdate | undefined;
  /** What the chain needs next. */
  #expects: "subscribed" | "snapshot" | "delta" = "subscribed";
  #shutDown = false;
  /** The position that the client asked to resume at. */
  #resumeAt: Position | undefined;
  /** The first delta after a resume may repeat what the client has. */
  #mayRepeat = false;
  #epoch = 0n;
  #sequence = -1;
  /** The highest sequence told, by a chain message or a heartbeat. */
  #exactUpTo = -1;
  #checksum = 0;
  #state: StateName = "open";

  /** A book with what `previous` has, for a subscription that asks to resume there. */
  static resuming(previous: ReferenceBook): ReferenceBook {
    const book = new ReferenceBook();
    for (const [price, level] of previous.#bids) book.#bids.set(price, level);
    for (const [price, level] of previous.#asks) book.#asks.set(price, level);
    book.#resumeAt = previous.position;
    book.#checksum = previous.#checksum;
    book.#state = previous.#state;
    return book;
  }

  get subscribed(): SubscribedUpdate {
    if (this.#subscribed === undefined) throw new Error("nothing was received yet");
    return this.#subscribed;
  }
  /** Whether a chain has begun, so that there is a book. */
  get ready(): boolean {
    return this.#expects === "delta";
  }
  get epoch(): bigint {
    return this.#epoch;
  }
  /** Of the chain's last message. */
  get sequence(): number {
    return this.#sequence;
  }
  /** The book is exact up to here: heartbeats raise it. */
  get exactUpTo(): number {
    return this.#exactUpTo;
  }
  get position(): Position {
    return { epoch: this.#epoch, sequence: this.#sequence };
  }
  get checksum(): number {
    return this.#checksum;
  }
  get state(): StateName {
    return this.#state;
  }
  get shutDown(): boolean {
    return this.#shutDown;
  }
  /** Best first. */
  bids(): BookLevel[] {
    return sorted(this.#bids, -1);
  }
  /** Best first. */
  asks(): BookLevel[] {
    return sorted(this.#asks, 1);
  }

  /** @throws Error at the first breach of the contract. The book is not to be used after that. */
  apply(update: Update): void {
    this.counters.messages += 1;
    this.#recent.push(describeUpdate(update));
    if (this.#recent.length > recentMax) this.#recent.shift();
    if (this.#subscribed !== undefined) {
      this.#require(update.viewId === this.#subscribed.viewId, "the view id is the one subscribed to");
      this.#require(update.symbol === this.#subscribed.symbol, "the symbol is the one subscribed to");
    }
    switch (update.kind) {
      case "subscribed":
        this.#applySubscribed(update);
        break;
      case "snapshot":
        this.#applySnapshot(update);
        break;
      case "delta":
        this.#applyDelta(update);
        break;
      case "heartbeat":
        this.#applyHeartbeat(update);
        break;
      case "notice":
        this.#require(this.#expects !== "subscribed", "Subscribed is the first message");
        if (update.code === "shutdown") this.#shutDown = true;
        if (update.code === "resync") {
          this.counters.resyncs += 1;
          this.#expects = "snapshot";
        }
        break;
    }
  }

  #applySubscribed(update: SubscribedUpdate): void {
    const again = this.#subscribed !== undefined;
    this.#require(!again || this.#expects === "snapshot", "Subscribed comes once, or after a Notice RESYNC");
    this.#require(update.instrument.symbol === update.symbol, "the instrument is that of the symbol");
    this.#require(update.depth >= 1, "the depth in force is at least 1");
    this.#require(update.viewId > 0, "a view id is above 0");
    this.#require(
      !update.resumed || (!again && this.#resumeAt !== undefined),
      "resumed is only told to a client that asked for it",
    );
    this.#subscribed = update;
    if (!update.resumed) {
      this.#expects = "snapshot";
      return;
    }
    const position = this.#resumeAt as Position;
    this.#epoch = position.epoch;
    this.#sequence = position.sequence;
    this.#exactUpTo = position.sequence;
    this.#mayRepeat = true;
    this.#expects = "delta";
  }

  #applySnapshot(update: SnapshotUpdate): void {
    this.#require(this.#expects === "snapshot", "a Snapshot starts a chain: first, or after a Notice RESYNC");
    const sameChain = this.counters.snapshots > 0 && update.epoch === this.#epoch;
    this.#require(!sameChain || update.sequence >= this.#exactUpTo, "the sequence does not go back");
    this.#require(update.epoch > 0n, "an epoch is above 0");
    this.#requireBestFirst(update.bids, -1, "bids");
    this.#requireBestFirst(update.asks, 1, "asks");
    this.#bids.clear();
    this.#asks.clear();
    this.#checksum = 0;
    for (const level of update.bids) this.#setLevel(1, this.#bids, level);
    for (const level of update.asks) this.#setLevel(2, this.#asks, level);
    this.counters.snapshots += 1;
    this.#epoch = update.epoch;
    this.#sequence = update.sequence;
    this.#exactUpTo = update.sequence;
    this.#expects = "delta";
    this.#mayRepeat = false;
    this.#requireWindow(update);
  }

  #applyDelta(update: DeltaUpdate): void {
    this.#require(this.#expects === "delta", "a Delta comes after a Snapshot");
    this.#require(update.prevSequence === this.#sequence, `prev_sequence is ${this.#sequence}`);
    this.#require(update.sequence > this.#exactUpTo, `sequence rises above ${this.#exactUpTo}`);
    this.#require(update.bids.length + update.asks.length > 0, "a Delta has entries");
    this.#require(update.mergedIntervals >= 1, "merged_intervals is at least 1");
    const keptUp = update.mergedIntervals === 1 && !this.#mayRepeat;
    this.#applyEntries(1, this.#bids, update.bids, keptUp);
    this.#applyEntries(2, this.#asks, update.asks, keptUp);
    this.counters.deltas += 1;
    this.counters.entries += update.bids.length + update.asks.length;
    this.counters.mergedIntervalsMax = Math.max(this.counters.mergedIntervalsMax, update.mergedIntervals);
    this.#sequence = update.sequence;
    this.#exactUpTo = update.sequence;
    this.#mayRepeat = false;
    this.#requireWindow(update);
  }

  #applyHeartbeat(update: HeartbeatUpdate): void {
    this.#require(this.#expects === "delta", "a Heartbeat comes after the chain began");
    this.#require(update.epoch === this.#epoch, "a Heartbeat names the epoch of the chain");
    this.#require(
      update.sequence >= this.#exactUpTo,
      `a Heartbeat's sequence is at least ${this.#exactUpTo}`,
    );
    this.counters.heartbeats += 1;
    this.#exactUpTo = update.sequence;
  }

  #applyEntries(
    side: 1 | 2,
    held: Map<number, HeldLevel>,
    entries: readonly BookLevel[],
    keptUp: boolean,
  ): void {
    const seen = new Set<number>();
    for (const entry of entries) {
      const [price, quantity, orderCount] = entry;
      this.#require(!seen.has(price), `price ${price} of side ${side} stands once in a Delta`);
      seen.add(price);
      const before = held.get(price);
      if (keptUp) {
        // A consumer that skipped nothing gets exactly what changed.
        const changes =
          quantity === 0
            ? before !== undefined
            : before?.quantity !== quantity || before.orderCount !== orderCount;
        this.#require(changes, `the entry ${JSON.stringify(entry)} of side ${side} changes something`);
      }
      this.#setLevel(side, held, entry);
    }
  }

  #setLevel(side: 1 | 2, held: Map<number, HeldLevel>, level: BookLevel): void {
    const [price, quantity, orderCount] = level;
    this.#require(
      Number.isSafeInteger(price) && Number.isSafeInteger(quantity) && quantity >= 0,
      `${JSON.stringify(level)} has mantissas`,
    );
    this.#require(
      quantity === 0 ? orderCount === 0 : orderCount > 0,
      `${JSON.stringify(level)} has orders exactly if it has a quantity`,
    );
    const before = held.get(price);
    let sum = this.#checksum;
    if (before !== undefined) sum -= before.crc;
    if (quantity === 0) {
      held.delete(price);
    } else {
      const crc = levelChecksum(side, price, quantity);
      held.set(price, { quantity, orderCount, crc });
      sum += crc;
    }
    this.#checksum = ((sum % 2 ** 32) + 2 ** 32) % 2 ** 32;
  }

  #requireBestFirst(levels: readonly BookLevel[], direction: 1 | -1, name: string): void {
    let previous: number | undefined;
    for (const [price, quantity] of levels) {
      this.#require(
        previous === undefined || (price - previous) * direction > 0,
        `${name} of a Snapshot are best first, each price once`,
      );
      this.#require(quantity > 0, `${name} of a Snapshot have a quantity`);
      previous = price;
    }
  }

  #requireWindow(update: SnapshotUpdate | DeltaUpdate): void {
    const { depth } = this.subscribed;
    this.#require(this.#bids.size <= depth, `at most ${depth} bids, there are ${this.#bids.size}`);
    this.#require(this.#asks.size <= depth, `at most ${depth} asks, there are ${this.#asks.size}`);
    this.#require(update.checksum === this.#checksum, `the checksum is ${this.#checksum}`);
    const state = stateOf(this.#bids, this.#asks);
    this.#require(update.state === state, `the state is ${state}`);
    if (this.subscribed.instrument.crossPolicy === "reject") {
      this.#require(state === "open", "a book under REJECT is never locked or crossed");
    }
    this.#state = state;
  }

  #require(holds: boolean, promise: string): void {
    if (holds) return;
    throw new Error(
      `contract broken: ${promise}\n` +
        `  have: epoch=${this.#epoch} sequence=${this.#sequence} exactUpTo=${this.#exactUpTo} ` +
        `expects=${this.#expects} bids=${this.#bids.size} asks=${this.#asks.size}\n` +
        `  best: ${JSON.stringify(this.bids().slice(0, 5))} ${JSON.stringify(this.asks().slice(0, 5))}\n` +
        `  last messages:\n    ${this.#recent.join("\n    ")}`,
    );
  }
}

/** The CRC-32 of one level as the contract writes it: `struct.pack('<Bqq', side, price, quantity)`. */
function levelChecksum(side: 1 | 2, price: number, quantity: number): number {
  packed.setUint8(0, side);
  packed.setBigInt64(1, BigInt(price), true);
  packed.setBigInt64(9, BigInt(quantity), true);
  return crc32(packedBytes);
}

/** The checksum of a whole window. */
export function windowChecksum(bids: readonly BookLevel[], asks: readonly BookLevel[]): number {
  let sum = 0;
  for (const [price, quantity] of bids) sum += levelChecksum(1, price, quantity);
  for (const [price, quantity] of asks) sum += levelChecksum(2, price, quantity);
  return sum % 2 ** 32;
}

const packedBytes = new Uint8Array(17);
const packed = new DataView(packedBytes.buffer);

function stateOf(bids: ReadonlyMap<number, HeldLevel>, asks: ReadonlyMap<number, HeldLevel>): StateName {
  if (bids.size === 0 || asks.size === 0) return "open";
  let bid = -Infinity;
  for (const price of bids.keys()) if (price > bid) bid = price;
  let ask = Infinity;
  for (const price of asks.keys()) if (price < ask) ask = price;
  if (bid === ask) return "locked";
  return bid > ask ? "crossed" : "open";
}

function sorted(side: ReadonlyMap<number, HeldLevel>, direction: 1 | -1): BookLevel[] {
  return Array.from(side, ([price, level]): BookLevel => [price, level.quantity, level.orderCount]).toSorted(
    (a, b) => (a[0] - b[0]) * direction,
  );
}
