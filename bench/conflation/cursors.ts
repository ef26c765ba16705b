import type { Depth, DepthSide } from "../../src/book/depth.ts";
import { Broadcaster } from "../../src/broadcast/broadcaster.ts";
import type { ConsumerSession } from "../../src/broadcast/consumer.ts";
import type { DepthListener, DepthSource } from "../../src/broadcast/depth-source.ts";
import { InstrumentTable } from "../../src/engine/instrument-table.ts";
import { createLimits } from "../../src/limits.ts";
import { createMetrics } from "../../src/observability/metrics.ts";
import { jsonDialect } from "../../src/protocol/json-dialect.ts";
import { protoDialect } from "../../src/protocol/proto-dialect.ts";
import { HandTurnedClock } from "../support/hand-turned-clock.ts";
import { type Conflater, DEPTH, type DrivenTransport, INSTRUMENT } from "./conflater.ts";

const INSTRUMENT_INDEX = 1;

/** depthcast's own broadcaster, over a board that the benchmark writes. */
export class Cursors implements Conflater {
  readonly #board: GivenDepth;
  readonly #turns: HandTurnedClock;
  readonly #sessions: readonly ConsumerSession[];

  private constructor(board: GivenDepth, turns: HandTurnedClock, sessions: readonly ConsumerSession[]) {
    this.#board = board;
    this.#turns = turns;
    this.#sessions = sessions;
  }

  /** Every consumer has the first state. */
  static async start(first: Depth, transports: readonly DrivenTransport[]): Promise<Cursors> {
    const board = new GivenDepth(first);
    const turns = new HandTurnedClock();
    const instruments = new InstrumentTable();
    instruments.put({ index: INSTRUMENT_INDEX, instrument: INSTRUMENT });
    const metrics = createMetrics({ process: false });
    const broadcaster = new Broadcaster({
      clock: turns,
      // All of the thread's time may go to flushing here: intervals are not to be stretched.
      limits: createLimits({ flushBudgetPercent: 100 }),
      epoch: 1n,
      depths: board,
      instruments,
      encoders: { proto: protoDialect, json: jsonDialect },
      metrics: metrics.broadcast,
    });
    metrics.stop();
    const subscription = {
      symbol: INSTRUMENT.symbol,
      depth: DEPTH,
      intervalMs: 0,
      resume: undefined,
      id: "",
    } as const;
    const sessions: ConsumerSession[] = [];
    for (const transport of transports) {
      const session = broadcaster.connect({
        dialect: "proto",
        isWritable: () => transport.isWritable,
        send: (pieces) => transport.send(pieces),
        cutOff: (reason) => {
          throw reason;
        },
      });
      sessions.push(session);
      await session.subscribe(subscription);
    }
    turns.runAll();
    return new Cursors(board, turns, sessions);
  }

  publish(newest: Depth): void {
    this.#board.publish(newest);
    this.#turns.runAll();
  }

  drained(consumer: number): void {
    this.#sessions[consumer]!.drained();
  }
}

/** A board of one instrument. */
class GivenDepth implements DepthSource {
  #newest: Depth;
  #listener: DepthListener | undefined;

  constructor(first: Depth) {
    this.#newest = first;
  }

  publish(newest: Depth): void {
    this.#newest = newest;
    this.#listener?.changed(INSTRUMENT_INDEX);
    this.#listener?.woken();
  }

  read(_instrument: number, levels: number, into: Depth): boolean {
    const { sequence, state, sourceTimeLow, sourceTimeHigh, bids, asks } = this.#newest;
    Object.assign(into, { sequence, state, sourceTimeLow, sourceTimeHigh });
    copySide(bids, levels, into.bids);
    copySide(asks, levels, into.asks);
    return true;
  }

  sequence(): number {
    return this.#newest.sequence;
  }

  claim(): Promise<void> {
    return Promise.resolve();
  }

  release(): void {}

  listen(listener: DepthListener): void {
    this.#listener = listener;
  }
}

function copySide(from: DepthSide, levels: number, into: DepthSide): void {
  into.length = Math.min(from.length, levels);
  for (let at = 0; at < into.length; at++) {
    into.price[at] = from.price[at]!;
    into.quantity[at] = from.quantity[at]!;
    into.orderCount[at] = from.orderCount[at]!;
  }
}
