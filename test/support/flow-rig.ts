import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import { DepthFeed } from "../../src/board/depth-feed.ts";
import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";
import type { DepthcastError } from "../../src/errors.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EncodedBatch } from "../../src/engine/ingest-port.ts";
import { createLimits, type Limits } from "../../src/limits.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import { encodeBatchRecord } from "../../src/log/record.ts";
import { SnapshotFolder } from "../../src/log/snapshot/snapshot-folder.ts";
import { type Logger, silentLogger } from "../../src/observability/logger.ts";
import type { SnapshotMetrics } from "../../src/observability/snapshot-metrics.ts";
import { OrderFlow } from "../../src/runtime/order-flow.ts";
import { eventColumns } from "./event-columns.ts";
import { ManualClock } from "./manual-clock.ts";
import type { TestOrderEvent } from "./naive-book.ts";

export interface FlowRigOptions {
  readonly log?: OrderLog;
  readonly limits?: Partial<Limits>;
  readonly clock?: ManualClock;
  /** Folder of book snapshots. */
  readonly snapshots?: string;
  readonly snapshotMetrics?: SnapshotMetrics;
  readonly logger?: Logger;
  readonly onBatchesApplied?: (batches: number) => void;
  readonly onInstrumentChanged?: (index: number) => void;
}

/** Everything from the ingest gate to the depth board, without sockets. */
export class FlowRig {
  readonly clock: ManualClock;
  readonly limits: Limits;
  readonly log: OrderLog;
  readonly board: DepthBoardWriter;
  readonly engine: Engine;
  readonly flow: OrderFlow;
  readonly feed: DepthFeed;
  /** Why the flow has failed: expected by no test but those that make it fail. */
  readonly failures: DepthcastError[] = [];

  private constructor(options: FlowRigOptions) {
    this.clock = options.clock ?? new ManualClock();
    this.limits = createLimits(options.limits);
    this.log = options.log ?? new MemoryLog({ clock: this.clock, retain: true });
    this.board = new DepthBoardWriter({
      readers: 1,
      instrumentsMax: this.limits.instrumentsMax,
      bytesMax: this.limits.boardBytesMax,
      ring: () => this.feed.ring(),
      announce: (index, buffer) => this.feed.attach(index, buffer),
    });
    this.engine = new Engine({
      publisher: this.board,
      hashSeed: 1,
      onTurn: (turn) => this.flow.turnDone(turn),
    });
    this.flow = new OrderFlow({
      log: this.log,
      limits: this.limits,
      engines: [this.engine],
      snapshots: options.snapshots === undefined ? undefined : new SnapshotFolder(options.snapshots),
      metrics: {
        ingest: { batchesApplied: options.onBatchesApplied ?? (() => {}), batchDuplicate() {} },
        snapshots: options.snapshotMetrics ?? { taken() {}, failed() {}, recovered() {} },
      },
      logger: options.logger ?? silentLogger,
      clock: this.clock,
      instrumentChanged: (index) => {
        options.onInstrumentChanged?.(index);
        return undefined;
      },
      failed: (failure) => this.failures.push(failure),
    });
    this.feed = new DepthFeed({
      reader: 0,
      control: this.board.control,
      clock: this.clock,
      requests: {
        claim: (index, levels) => Promise.resolve(this.engine.claimDepth(index, 0, levels)),
        release: (index, levels) => this.engine.releaseDepth(index, 0, levels),
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
): EncodedBatch {
  const { id: producerId, number: batchNumber } = producer;
  const record = encodeBatchRecord({
    instrument: 0,
    events: eventColumns(events),
    producerId,
    batchNumber,
    sourceTimeLow: 0,
    sourceTimeHigh: 0,
  });
  return { record, symbol, producerId, batchNumber };
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
