import type { Depth } from "../../src/book/depth.ts";
import { DepthDelta } from "../../src/book/depth-delta.ts";
import { DepthView } from "../../src/book/depth-view.ts";
import type { LevelColumns } from "../../src/book/level-columns.ts";
import { systemClock } from "../../src/clock.ts";
import type { WindowContent } from "../../src/protocol/update-encoder.ts";
import { protoDialect } from "../../src/protocol/proto-dialect.ts";
import { type Conflater, DEPTH, type DrivenTransport, INSTRUMENT } from "./conflater.ts";

interface Level {
  readonly price: number;
  readonly quantity: number;
  readonly orderCount: number;
}

interface Client {
  readonly transport: DrivenTransport;
  /** What is to be sent to it, by price; empty while it keeps up. */
  readonly bids: Map<number, Level>;
  readonly asks: Map<number, Level>;
  /** What it has. */
  sequence: number;
  intervals: number;
}

const VIEW = { viewId: 1, instrument: INSTRUMENT, depth: DEPTH, intervalMs: 0 };

/**
 * The usual way: a pending map for each client and side, into which each change is merged while the client
 * is not writable, and which is sent and emptied when it is. Written as well as that can be: the change is
 * found and encoded once for all who keep up, its levels are objects that all maps share, and the encoder is
 * depthcast's.
 */
export class PendingMaps implements Conflater {
  readonly #view = new DepthView(DEPTH);
  readonly #clients: readonly Client[];

  constructor(first: Depth, transports: readonly DrivenTransport[]) {
    this.#view.refresh(first);
    const { sequence } = first;
    const subscribed = protoDialect.subscribed(VIEW, { heartbeatIntervalMs: 1000, id: "", resumed: false });
    const { bids, asks } = this.#view;
    const snapshot = protoDialect.snapshot(VIEW, { ...this.#window(), epoch: 1n, bids, asks });
    this.#clients = transports.map((transport) => {
      transport.send([subscribed, snapshot]);
      return { transport, bids: new Map(), asks: new Map(), sequence, intervals: 0 };
    });
  }

  publish(newest: Depth): void {
    const before = this.#view.sequence;
    if (!this.#view.refresh(newest)) return;
    this.#view.collectDelta(before, change);
    const bids = levelsOf(change.bids);
    const asks = levelsOf(change.asks);
    const pieces = [this.#encode(before, 1)];
    const { sequence } = newest;
    for (const client of this.#clients) {
      if (client.transport.isWritable) {
        client.transport.send(pieces);
        client.sequence = sequence;
      } else {
        for (const level of bids) client.bids.set(level.price, level);
        for (const level of asks) client.asks.set(level.price, level);
        client.intervals += 1;
      }
    }
  }

  drained(consumer: number): void {
    const client = this.#clients[consumer]!;
    if (client.intervals === 0) return;
    fill(change.bids, client.bids);
    fill(change.asks, client.asks);
    client.transport.send([this.#encode(client.sequence, client.intervals)]);
    client.bids.clear();
    client.asks.clear();
    client.sequence = this.#view.sequence;
    client.intervals = 0;
  }

  /** What is in `change`, as a delta. */
  #encode(prevSequence: number, mergedIntervals: number): Uint8Array {
    const { bids, asks } = change;
    return protoDialect.delta(VIEW, { ...this.#window(), prevSequence, mergedIntervals, bids, asks });
  }

  #window(): Omit<WindowContent, "bids" | "asks"> {
    const { sequence, checksum, state, sourceTimeLow, sourceTimeHigh } = this.#view;
    const publishTimeUnixNanos = systemClock.unixNanos();
    return { sequence, checksum, state, sourceTimeLow, sourceTimeHigh, publishTimeUnixNanos };
  }
}

/** Filled and encoded at once, as in depthcast. */
const change = new DepthDelta();

function levelsOf(columns: LevelColumns): Level[] {
  return Array.from({ length: columns.length }, (_, at) => ({
    price: columns.price[at]!,
    quantity: columns.quantity[at]!,
    orderCount: columns.orderCount[at]!,
  }));
}

function fill(columns: LevelColumns, levels: ReadonlyMap<number, Level>): void {
  columns.reserve(levels.size);
  let at = 0;
  for (const { price, quantity, orderCount } of levels.values()) {
    columns.price[at] = price;
    columns.quantity[at] = quantity;
    columns.orderCount[at] = orderCount;
    at += 1;
  }
  columns.length = at;
}
