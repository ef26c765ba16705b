import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../clock.ts";
import { IngestGate } from "../engine/ingest-gate.ts";
import type { EngineLink } from "../engine/engine-link.ts";
import type { EngineTurn } from "../engine/engine-turn.ts";
import { InstrumentTable } from "../engine/instrument-table.ts";
import { type EngineMetrics, Sequencer } from "../engine/sequencer.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { LogEntry, LogSubscription, OrderLog } from "../log/order-log.ts";
import { encodeRulesRecord } from "../log/record.ts";
import type { SnapshotFile, SnapshotFolder } from "../log/snapshot/snapshot-folder.ts";
import type { Logger } from "../observability/logger.ts";
import type { SnapshotMetrics } from "../observability/snapshot-metrics.ts";
import { checkBeginning, findSnapshots, restoreSnapshot } from "./recovery.ts";
import { replay } from "./replay.ts";
import { SnapshotTaker } from "./snapshot-taker.ts";

export interface OrderFlowOptions {
  readonly log: OrderLog;
  /** Where book snapshots are; undefined = none are taken, and a start replays the whole log. */
  readonly snapshots: SnapshotFolder | undefined;
  readonly limits: Limits;
  /** Their turns are to be told to `turnDone`. */
  readonly engines: readonly EngineLink[];
  readonly metrics: { readonly ingest: EngineMetrics; readonly snapshots: SnapshotMetrics };
  readonly logger: Logger;
  readonly clock: Clock;
  /** A definition is in force. */
  readonly instrumentChanged: (instrument: number) => Promise<void> | undefined;
  /**
   * The log can be applied no further: a bug, or a damaged record. Called once; nothing is applied, published
   * or acknowledged after it, so the server must not go on.
   */
  readonly failed: (failure: DepthcastError) => void;
}

/** Where order is decided: the gate in front of the log and the sequencer behind it. One thread. */
export class OrderFlow {
  readonly instruments = new InstrumentTable();
  readonly gate: IngestGate;
  readonly #options: OrderFlowOptions;
  readonly #log: OrderLog;
  readonly #limits: Limits;
  readonly #sequencer: Sequencer;
  readonly #failed: (failure: DepthcastError) => void;
  readonly #failure = Promise.withResolvers<never>();
  #hasFailed = false;
  /** What is applied before has been counted by a server before this one. */
  #isRecovered = false;
  #subscription: LogSubscription | undefined;
  readonly #taker: SnapshotTaker | undefined;

  constructor(options: OrderFlowOptions) {
    const { log, limits, engines } = options;
    const { ingest } = options.metrics;
    this.#options = options;
    this.#log = log;
    this.#limits = limits;
    this.#failed = options.failed;
    // Whoever waits for it is told by `failed` as well.
    this.#failure.promise.catch(() => {});
    this.#sequencer = new Sequencer({
      epoch: log.epoch,
      engines,
      instruments: this.instruments,
      metrics: {
        batchesApplied: (batches, acceptedEvents, rejectedByReason) => {
          if (this.#isRecovered) ingest.batchesApplied(batches, acceptedEvents, rejectedByReason);
        },
        batchDuplicate: () => {
          if (this.#isRecovered) ingest.batchDuplicate();
        },
      },
      listener: {
        batchDone: (logIndex, outcome) => this.gate.batchDone(logIndex, outcome),
        definitionDone: (logIndex, outcome) => this.gate.definitionDone(logIndex, outcome),
        instrumentChanged: options.instrumentChanged,
      },
    });
    this.#taker = options.snapshots && this.#createTaker(options.snapshots);
    this.gate = new IngestGate({
      log,
      limits,
      instruments: this.instruments,
      producers: this.#sequencer.producers,
      sequence: (instrument) => this.#sequencer.sequence(instrument),
    });
  }

  /**
   * Comes to the state that the log holds, writes the rules where they have changed, and begins to take what comes. Nothing
   * may be submitted before it resolves.
   *
   * @throws DepthcastError where the log is damaged or its beginning is missing, or an engine fails.
   */
  async start(): Promise<void> {
    const kept = await this.#recover();
    const { liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax } = this.#limits;
    const rules = { rulesVersion: 1, liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax } as const;
    // Only then, so that the log does not grow by being started.
    if (!isDeepStrictEqual(rules, this.#sequencer.rules)) await this.#log.append(encodeRulesRecord(rules));
    this.#taker?.start(kept);
    this.#subscription = this.#log.subscribe(this.#sequencer.nextIndex, {
      consume: (entries) => this.#consumeNew(entries),
    });
  }

  /** Hash of all that decides outcomes beside the books, under a name that is no symbol. */
  stateHash(): readonly [name: string, hash: string] {
    return ["(sequencer)", this.#sequencer.stateHash()];
  }

  /** An engine tells what became of a turn. */
  turnDone(turn: EngineTurn): void {
    if (!this.#hasFailed) this.#guard(() => this.#sequencer.turnDone(turn));
  }

  /** Refuses what comes; resolves when what is in the log is applied. */
  async stop(): Promise<void> {
    this.gate.stop();
    await this.#taker?.stop();
    await this.#log.close();
    this.#subscription?.cancel();
    if (!this.#hasFailed) await this.#sequencer.settled();
  }

  /** An engine can go on no more, or the sequencer cannot. */
  fail(thrown: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    // What the sequencer and the engines hold now is not what the log says.
    void this.#taker?.stop();
    this.#subscription?.cancel();
    this.gate.fail();
    const failure = engineFailed(thrown);
    this.#failure.reject(failure);
    this.#failed(failure);
  }

  #createTaker(folder: SnapshotFolder): SnapshotTaker {
    const { log, limits, clock, logger, metrics } = this.#options;
    return new SnapshotTaker({
      folder,
      log,
      sequencer: this.#sequencer,
      limits,
      clock,
      logger,
      metrics: metrics.snapshots,
    });
  }

  /** Returns the snapshots that there are, newest first. */
  async #recover(): Promise<readonly SnapshotFile[]> {
    const { log, snapshots, logger, clock, metrics } = this.#options;
    const startedMs = clock.nowMs();
    await snapshots?.prepare();
    const kept = snapshots === undefined ? [] : await findSnapshots(snapshots, log, logger);
    const newest = kept[0];
    if (newest === undefined) checkBeginning(log, snapshots);
    else await this.#unlessFailed(restoreSnapshot(newest, this.#sequencer));
    const fromIndex = this.#sequencer.nextIndex;
    const consume = (entries: readonly LogEntry[]) => this.#unlessFailed(this.#consume(entries));
    await replay({ log, logger, clock, fromIndex, consume });
    await this.#unlessFailed(this.#sequencer.settled());
    this.#isRecovered = true;
    const seconds = (clock.nowMs() - startedMs) / 1000;
    const entries = this.#sequencer.nextIndex - fromIndex;
    metrics.snapshots.recovered(seconds, entries);
    if (fromIndex + entries > 0) logger.info({ snapshot: newest?.path, entries, seconds }, "state recovered");
    return kept;
  }

  #consumeNew(entries: readonly LogEntry[]): Promise<void> | undefined {
    const held = this.#consume(entries);
    if (!this.#hasFailed) this.#taker?.consumed();
    return held;
  }

  /** What an engine that is gone would have done is waited for by nobody. */
  #unlessFailed(action: Promise<void> | undefined): Promise<void> {
    return Promise.race([this.#failure.promise, action]);
  }

  #consume(entries: readonly LogEntry[]): Promise<void> | undefined {
    return this.#hasFailed ? undefined : this.#guard(() => this.#sequencer.consume(entries));
  }

  #guard<Result>(action: () => Result): Result | undefined {
    try {
      return action();
    } catch (thrown) {
      this.fail(thrown);
      return undefined;
    }
  }
}

function engineFailed(thrown: unknown): DepthcastError {
  const { message } = DepthcastError.from(thrown);
  return new DepthcastError(
    ErrorCode.internal,
    `the engine has failed and the server stops: ${message}`,
    { reason: "ENGINE_FAILED" },
    { cause: thrown },
  );
}
