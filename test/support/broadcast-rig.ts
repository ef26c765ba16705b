import { Broadcaster } from "../../src/broadcast/broadcaster.ts";
import type { Consumer, ConsumerSession } from "../../src/broadcast/consumer.ts";
import type { Instrument } from "../../src/book/instrument.ts";
import type { DepthcastError } from "../../src/errors.ts";
import type { IntervalMs, Limits } from "../../src/limits.ts";
import { jsonDialect } from "../../src/protocol/json-dialect.ts";
import { protoDialect } from "../../src/protocol/proto-dialect.ts";
import type { SubscriptionRequest } from "../../src/protocol/subscription.ts";
import { FlowRig, testBatch, testInstrument } from "./flow-rig.ts";
import { ManualClock } from "./manual-clock.ts";
import type { TestOrderEvent } from "./naive-book.ts";

/** A message as a consumer got it: the JSON dialect, parsed. */
export interface SeenMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

/**
 * A consumer that takes everything at once and remembers it. With `blocked` it stands for a transport that
 * is held up, for orders of events that a socket does not bring about at will.
 */
export class AttentiveConsumer implements Consumer {
  readonly dialect = "json";
  blocked = false;
  /** One array for each `send`. */
  readonly flushes: SeenMessage[][] = [];
  /** The very buffers, to see what is shared. */
  readonly pieces: Uint8Array[] = [];
  ended: DepthcastError | undefined;
  farewell: SeenMessage[] = [];
  /** Called within each send. */
  onSend: (() => void) | undefined;

  isWritable(): boolean {
    return !this.blocked;
  }

  send(pieces: readonly Uint8Array[]): boolean {
    this.flushes.push(pieces.map(parse));
    this.pieces.push(...pieces);
    this.onSend?.();
    return !this.blocked;
  }

  cutOff(reason: DepthcastError, farewell: readonly Uint8Array[]): void {
    this.ended = reason;
    this.farewell = farewell.map(parse);
  }

  /** What came since the last call, flush by flush. */
  take(): SeenMessage[][] {
    return this.flushes.splice(0);
  }

  types(): string[][] {
    return this.take().map((flush) => flush.map(({ type }) => type));
  }
}

/** Ingest gate, board and broadcaster on a hand-driven clock, without sockets. */
export class BroadcastRig {
  readonly flow: FlowRig;
  readonly clock: ManualClock;
  readonly broadcaster: Broadcaster;

  private constructor(flow: FlowRig, broadcaster: Broadcaster) {
    this.flow = flow;
    this.clock = flow.clock;
    this.broadcaster = broadcaster;
  }

  static async start(symbols: readonly string[], limits: Partial<Limits> = {}): Promise<BroadcastRig> {
    const clock = new ManualClock();
    const flow: FlowRig = await FlowRig.start({
      clock,
      limits,
      onInstrumentChanged: (index) => broadcaster.instrumentChanged(index),
    });
    const broadcaster: Broadcaster = new Broadcaster({
      clock,
      limits: flow.limits,
      epoch: flow.log.epoch,
      depths: flow.feed,
      instruments: flow.flow.instruments,
      encoders: { proto: protoDialect, json: jsonDialect },
      metrics: { updatesSent() {}, mergedIntervals() {}, flushed() {}, delivered() {}, consumerCutOff() {} },
    });
    const rig = new BroadcastRig(flow, broadcaster);
    for (const symbol of symbols) await rig.define(testInstrument(symbol));
    return rig;
  }

  async define(instrument: Instrument): Promise<void> {
    await this.flow.flow.gate.define(instrument);
    await this.clock.settle();
  }

  connect(): { readonly consumer: AttentiveConsumer; readonly session: ConsumerSession } {
    const consumer = new AttentiveConsumer();
    return { consumer, session: this.broadcaster.connect(consumer) };
  }

  /** Applies a batch and lets its news reach the broadcaster; the clock stands still. */
  async apply(symbol: string, ...events: readonly TestOrderEvent[]): Promise<void> {
    await this.flow.flow.gate.openStream(() => {}).submit(testBatch(symbol, events));
    await this.clock.settle();
  }
}

export function subscription(
  symbol: string,
  intervalMs: IntervalMs = 50,
  changes: Partial<SubscriptionRequest> = {},
): SubscriptionRequest {
  return { symbol, depth: 20, intervalMs, resume: undefined, id: "", ...changes };
}

function parse(piece: Uint8Array): SeenMessage {
  return JSON.parse(Buffer.from(piece).toString()) as SeenMessage;
}
