import { createDepth, type DepthSide } from "../../src/book/depth.ts";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { rejectDetail } from "../../src/book/rejection.ts";
import type { IngestStream } from "../../src/engine/ingest-port.ts";
import { type FlowEvent, modelEvent } from "../support/flow-event.ts";
import { FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";
import type { HeldTop, Scales, TopLevel } from "./held-top.ts";

/** Integrity is recomputed once in so many batches. */
const BATCHES_A_CHECKUP = 500;

/** Real data through the ingest gate, the log, the engine and the depth board, without sockets. */
export class EngineReplay {
  readonly #rig: FlowRig;
  readonly #stream: IngestStream;
  #batches = 0;
  acceptedEvents = 0;
  checkups = 0;

  private constructor(rig: FlowRig) {
    this.#rig = rig;
    this.#stream = rig.flow.gate.openStream((reason) => {
      throw reason;
    });
  }

  static async open(
    crossPolicy: "reject" | "flag",
    instruments: ReadonlyMap<string, Scales>,
  ): Promise<EngineReplay> {
    const rig = await FlowRig.start();
    for (const [symbol, scales] of instruments) {
      const changes = { ...scales, crossPolicy: CrossPolicy[crossPolicy] };
      await rig.flow.gate.define(testInstrument(symbol, changes));
    }
    return new EngineReplay(rig);
  }

  /** Applies one batch. @throws Error at a refused event: real data have none. */
  async send(symbol: string, events: readonly FlowEvent[]): Promise<void> {
    if (events.length === 0) return;
    const outcome = await this.#stream.submit(testBatch(symbol, events.map(modelEvent)));
    const refused = outcome.rejections[0];
    if (refused !== undefined) {
      const { action, orderId, orderKey, price } = events[refused.eventIndex] as FlowEvent;
      const name = orderId ?? orderKey ?? price;
      throw new Error(`${symbol}: refused ${action} ${name}: ${rejectDetail(refused.rule)}`);
    }
    this.acceptedEvents += outcome.acceptedEvents;
    this.#batches += 1;
    if (this.#batches % BATCHES_A_CHECKUP === 0) this.checkup();
  }

  /** The published book, at most `levels` a side. @throws Error where it is locked or crossed. */
  top(symbol: string, levels: number): HeldTop {
    const index = this.#indexOf(symbol);
    const depth = createDepth(levels);
    if (!this.#rig.feed.read(index, levels, depth)) throw new Error(`${symbol} is not on the board`);
    if (depth.state !== 1) throw new Error(`${symbol} is in state ${depth.state} after a whole message`);
    return { bids: levelsOf(depth.bids), asks: levelsOf(depth.asks) };
  }

  /** The published book with all its levels. */
  whole(symbol: string): HeldTop {
    const levels = 8192;
    this.#rig.engine.claimDepth(this.#indexOf(symbol), 0, levels);
    return this.top(symbol, levels);
  }

  /** @throws Error where a book is not the sum of its orders. */
  checkup(): void {
    for (const { symbol, faults } of this.#rig.engine.checkIntegrity()) {
      if (faults.length > 0) throw new Error(`${symbol}: ${faults.join("; ")}`);
    }
    this.checkups += 1;
  }

  #indexOf(symbol: string): number {
    const listed = this.#rig.flow.instruments.find(symbol);
    if (listed === undefined) throw new Error(`${symbol} is not defined`);
    return listed.index;
  }
}

function levelsOf({ length, price, quantity }: DepthSide): TopLevel[] {
  return Array.from({ length }, (_, rank): TopLevel => [price[rank] as number, quantity[rank] as number]);
}
