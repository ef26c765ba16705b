import { IngestGate } from "../engine/ingest-gate.ts";
import type { EngineLink } from "../engine/engine-link.ts";
import type { EngineTurn } from "../engine/engine-turn.ts";
import { InstrumentTable } from "../engine/instrument-table.ts";
import { type EngineMetrics, Sequencer } from "../engine/sequencer.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { LogEntry, LogSubscription, OrderLog } from "../log/order-log.ts";
import { encodeRulesRecord } from "../log/record.ts";

export interface OrderFlowOptions {
  readonly log: OrderLog;
  readonly limits: Limits;
  /** Their turns are to be told to `turnDone`. */
  readonly engines: readonly EngineLink[];
  readonly metrics: EngineMetrics;
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
  readonly #log: OrderLog;
  readonly #limits: Limits;
  readonly #sequencer: Sequencer;
  readonly #failed: (failure: DepthcastError) => void;
  #hasFailed = false;
  #subscription: LogSubscription | undefined;

  constructor(options: OrderFlowOptions) {
    const { log, limits, engines, metrics } = options;
    this.#log = log;
    this.#limits = limits;
    this.#failed = options.failed;
    this.#sequencer = new Sequencer({
      epoch: log.epoch,
      engines,
      instruments: this.instruments,
      metrics,
      listener: {
        batchDone: (logIndex, outcome) => this.gate.batchDone(logIndex, outcome),
        definitionDone: (logIndex, outcome) => this.gate.definitionDone(logIndex, outcome),
        instrumentChanged: options.instrumentChanged,
      },
    });
    this.gate = new IngestGate({
      log,
      limits,
      instruments: this.instruments,
      producers: this.#sequencer.producers,
      sequence: (instrument) => this.#sequencer.sequence(instrument),
    });
  }

  /** Writes the rules in force into the log and begins to take from it. */
  async start(): Promise<void> {
    const { liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax } = this.#limits;
    await this.#log.append(
      encodeRulesRecord({ rulesVersion: 1, liveOrdersMax, levelsPerSideMax, instrumentsMax, producersMax }),
    );
    this.#subscription = this.#log.subscribe(this.#log.startIndex, {
      consume: (entries) => this.#consume(entries),
    });
  }

  /** An engine tells what became of a turn. */
  turnDone(turn: EngineTurn): void {
    if (!this.#hasFailed) this.#guard(() => this.#sequencer.turnDone(turn));
  }

  /** Refuses what comes; resolves when what is in the log is applied. */
  async stop(): Promise<void> {
    this.gate.stop();
    await this.#log.close();
    this.#subscription?.cancel();
    if (!this.#hasFailed) await this.#sequencer.settled();
  }

  /** An engine can go on no more, or the sequencer cannot. */
  fail(thrown: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#subscription?.cancel();
    this.gate.fail();
    this.#failed(engineFailed(thrown));
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
