import { DepthFeed } from "../../src/board/depth-feed.ts";
import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";
import type { DepthcastError } from "../../src/errors.ts";
import type { IngestBatch } from "../../src/engine/ingest-batch.ts";
import { createLimits, type Limits } from "../../src/limits.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import { OrderFlow } from "../../src/runtime/order-flow.ts";
import { eventColumns } from "./event-columns.ts";
import { ManualClock } from "./manual-clock.ts";
import type { TestOrderEvent } from "./naive-book.ts";

export interface FlowRigOptions {
  readonly log?: OrderLog;
  readonly limits?: Partial<Limits>;
  readonly clock?: ManualClock;
  readonly onInstrumentChanged?: (index: number) => void;
}

/** Everything from the ingest gate to the depth board, without sockets. */
export class FlowRig {
  readonly clock: ManualClock;
  readonly limits: Limits;
  readonly log: OrderLog;
  readonly flow: OrderFlow;
  readonly feed: DepthFeed;
  /** Why the flow has failed: expected by no test but those that make it fail. */
  readonly failures: DepthcastError[] = [];

  private constructor(options: FlowRigOptions) {
    this.clock = options.clock ?? new ManualClock();
    this.limits = createLimits(options.limits);
    this.log = options.log ?? new MemoryLog({ clock: this.clock, retain: true });
    this.flow = new OrderFlow({
      log: this.log,
      limits: this.limits,
      readers: 1,
      hashSeed: 1,
      metrics: { batchApplied() {}, batchDuplicate() {} },
      ring: () => this.feed.ring(),
      announce: (index, buffer) => this.feed.attach(index, buffer),
      instrumentChanged: (index) => options.onInstrumentChanged?.(index),
      failed: (failure) => this.failures.push(failure),
    });
    this.feed = new DepthFeed({
      reader: 0,
      control: this.flow.board.control,
      clock: this.clock,
      requests: {
        claim: (index, levels) => Promise.resolve(this.flow.claimDepth(index, 0, levels)),
        release: (index, levels) => this.flow.releaseDepth(index, 0, levels),
      },
    });
  }

  static async start(options: FlowRigOptions = {}): Promise<FlowRig> {
    const rig = new FlowRig(options);
    await rig.flow.start();
    return rig;
  }
}

export function testInstrument(symbol: string, changes: Partial<Instrument> = {}): Instrument {
  return {
    symbol,
    priceScale: 2,
    quantityScale: 0,
    crossPolicy: CrossPolicy.reject,
    tickSize: 0,
    lotSize: 0,
    description: "",
    ...changes,
  };
}

export function testBatch(
  symbol: string,
  events: readonly TestOrderEvent[],
  producer: { readonly id: string; readonly number: number } = { id: "", number: 0 },
): IngestBatch {
  return {
    symbol,
    events: eventColumns(events),
    producerId: producer.id,
    batchNumber: producer.number,
    sourceTimeLow: 0,
    sourceTimeHigh: 0,
  };
}

let lastId = 0n;

/** An order with an id of its own. */
export function addOrder(
  side: 1 | 2,
  price: number,
  quantity: number,
): TestOrderEvent & { readonly id: bigint } {
  lastId += 1n;
  return { action: 1, id: lastId, side, price, quantity };
}
