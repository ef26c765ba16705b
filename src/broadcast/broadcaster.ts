import { createDepth, type Depth } from "../book/depth.ts";
import { sameNumbers } from "../book/instrument.ts";
import type { InstrumentDirectory, ListedInstrument } from "../book/instrument-directory.ts";
import type { Clock, Timer } from "../clock.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { NoticeCode, type UpdateEncoder, type UpdateKind } from "../protocol/update-encoder.ts";
import type { SubscriptionRequest } from "../protocol/subscription.ts";
import type { Consumer, ConsumerSession, Dialect } from "./consumer.ts";
import type { DepthListener, DepthSource } from "./depth-source.ts";
import { FlushQueue } from "./flush-queue.ts";
import { Pacer } from "./pacer.ts";
import { BroadcastSession } from "./session.ts";
import { StretchGovernor } from "./stretch-governor.ts";
import type { Subscription } from "./subscription.ts";
import { unknownSymbol } from "./unknown-symbol.ts";
import { View, viewIdOf } from "./view.ts";
import { ViewTable } from "./view-table.ts";

/** How many times within the stall timeout the waiting consumers are looked at. */
const STALL_CHECKS = 8;
/** Heartbeats that are due within this share of the interval go out together. */
const HEARTBEAT_SLACK = 0.05;

/** Counted for the metrics. */
export interface BroadcastMetrics {
  updatesSent(kind: UpdateKind, dialect: Dialect, count: number): void;
  mergedIntervals(count: number): void;
  flushed(seconds: number): void;
  /** From the change on this thread's board to being handed to `count` transports. */
  delivered(ageSeconds: number, count: number): void;
  consumerCutOff(reason: "stalled" | "shutdown"): void;
}

export interface BroadcasterOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly epoch: bigint;
  readonly depths: DepthSource;
  readonly instruments: InstrumentDirectory;
  readonly encoders: { readonly [D in Dialect]: UpdateEncoder };
  readonly metrics: BroadcastMetrics;
}

/**
 * The one coalescing broadcaster that both transports share. It reads the depth board, keeps the views,
 * and gives every consumer that can take it what has changed since its cursor; for the others it keeps
 * nothing but the cursor. One thread.
 */
export class Broadcaster implements DepthListener {
  readonly limits: Limits;
  readonly #options: BroadcasterOptions;
  readonly #clock: Clock;
  readonly #views: ViewTable;
  readonly #pacer: Pacer;
  readonly #governor: StretchGovernor;
  readonly #queue: FlushQueue;
  readonly #sessions = new Set<BroadcastSession>();
  #subscriptions = 0;
  #joining: Subscription[] = [];
  #newest: Depth = createDepth(0);
  /** Views of which something was handed over in the present turn. */
  readonly #delivered: View[] = [];
  #turnNanos: bigint | undefined;
  #turnMs: number | undefined;
  #heartbeatTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #stopped = false;

  constructor(options: BroadcasterOptions) {
    const { clock, limits, depths } = options;
    this.#options = options;
    this.#clock = clock;
    this.limits = limits;
    this.#pacer = new Pacer(clock, (views) => this.#flush(views));
    this.#governor = new StretchGovernor(clock, limits.flushBudgetPercent, (stretch) =>
      this.#pacer.setStretch(stretch),
    );
    this.#queue = new FlushQueue(
      (sessions) => this.#serve(sessions),
      (task) => clock.defer(() => this.#timed(task)),
    );
    this.#views = new ViewTable(clock, limits, depths, (view) => this.#pacer.forget(view));
    depths.listen(this);
  }

  /** What the metrics show. */
  get gauges() {
    return {
      consumers: this.#sessions.size,
      waiting: this.#countWaiting(),
      subscriptions: this.#subscriptions,
      views: this.#views.size,
      viewBytes: this.#views.bytes,
      stretch: this.#governor.stretch,
    };
  }

  /** Whether consumers are sent elsewhere. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  get heartbeatIntervalMs(): number {
    return this.limits.heartbeatIntervalMs;
  }

  get metrics(): BroadcastMetrics {
    return this.#options.metrics;
  }

  connect(consumer: Consumer): ConsumerSession {
    if (this.#stopped) {
      throw new DepthcastError(ErrorCode.unavailable, "the server is going away: connect elsewhere");
    }
    const session = new BroadcastSession(this, consumer);
    this.#sessions.add(session);
    return session;
  }

  /** DepthListener: the board has something newer of an instrument. */
  changed(instrument: number): void {
    const nowMs = this.#clock.nowMs();
    for (const view of this.#views.ofInstrument(instrument)) {
      if (view.dirty) continue;
      view.dirty = true;
      view.dirtySinceMs = nowMs;
      if (view.subscriptions.size > 0) this.#pacer.request(view, nowMs);
    }
  }

  /** DepthListener: all that changed is told. */
  woken(): void {
    this.#pacer.flushDue();
  }

  /** A definition has changed. New scales start every consumer of the symbol anew. */
  instrumentChanged(index: number): void {
    const listed = this.#options.instruments.at(index);
    invariant(listed !== undefined, "an instrument that changed is listed");
    for (const view of this.#views.ofInstrument(index)) {
      const before = view.instrument;
      view.redefine(listed.instrument);
      if (sameNumbers(before, listed.instrument)) continue;
      for (const subscription of view.subscriptions) {
        subscription.restart();
        this.#begin(subscription);
      }
    }
  }

  /** Tells every consumer to go elsewhere, and ends them. */
  stop(): void {
    this.#stopped = true;
    const reason = new DepthcastError(ErrorCode.unavailable, "the server is going away: connect elsewhere");
    for (const session of this.#sessions) {
      this.metrics.consumerCutOff("shutdown");
      session.cutOff(reason, NoticeCode.shutdown);
    }
    this.#pacer.stop();
    this.#views.stop();
    this.#heartbeatTimer?.cancel();
    this.#stallTimer?.cancel();
  }

  // What follows is for sessions.

  /** In a turn, the time at which it began. */
  nowMs(): number {
    return this.#turnMs ?? this.#clock.nowMs();
  }

  /** The publish time of everything sent in the present turn. */
  publishNanos(): bigint {
    return this.#turnNanos ?? this.#clock.unixNanos();
  }

  /** In a turn a consumer was handed what has changed in this view. */
  handedOver(view: View): void {
    if (view.handedOver === 0) this.#delivered.push(view);
    view.handedOver += 1;
  }

  viewId(request: SubscriptionRequest): number {
    const { index } = this.#listed(request.symbol);
    return viewIdOf(index, request.depth, request.intervalMs, this.limits);
  }

  openView(viewId: number, request: SubscriptionRequest): Promise<View> {
    const { index, instrument } = this.#listed(request.symbol);
    const { epoch, encoders } = this.#options;
    const { depth, intervalMs } = request;
    return this.#views.open(
      viewId,
      () => new View({ viewId, instrumentIndex: index, instrument, depth, intervalMs, epoch, encoders }),
    );
  }

  leaveView(view: View): void {
    this.#views.release(view);
  }

  join(subscription: Subscription): void {
    const { view } = subscription;
    if (view.subscriptions.size === 0) {
      // A view that nobody watched has not been silent to anybody, and nobody asked for its changes.
      view.lastSentMs = this.#clock.nowMs();
      if (view.dirty) this.#refresh(view);
    }
    view.subscriptions.add(subscription);
    this.#subscriptions += 1;
    this.#begin(subscription);
  }

  leave(subscription: Subscription): void {
    const { view } = subscription;
    if (!view.subscriptions.delete(subscription)) return;
    subscription.isOver = true;
    this.#subscriptions -= 1;
    this.#views.release(view);
  }

  forget(session: BroadcastSession): void {
    this.#sessions.delete(session);
  }

  /**
   * A session waits for its transport. All do so after everything that they are sent, mostly for less than a
   * turn: so nothing is kept of those that wait, and all are looked at, a few times within the stall timeout.
   */
  watchStalls(): void {
    if (this.#stallTimer !== undefined || this.#stopped) return;
    this.#stallTimer = this.#clock.setTimer(this.limits.stallTimeoutMs / STALL_CHECKS, () => {
      this.#stallTimer = undefined;
      this.#cutOffAllStalled();
      if (this.#countWaiting() > 0) this.watchStalls();
    });
  }

  cutOffStalled(session: BroadcastSession): void {
    this.metrics.consumerCutOff("stalled");
    session.cutOff(
      new DepthcastError(
        ErrorCode.resourceExhausted,
        `slow consumer: the transport has taken nothing for ${this.limits.stallTimeoutMs} ms (stallTimeoutMs)`,
        { reason: "SLOW_CONSUMER" },
      ),
      NoticeCode.slowConsumer,
    );
  }

  heartbeatOf(view: View, dialect: Dialect): Uint8Array {
    return view.heartbeat(dialect, this);
  }

  /** What began in this turn is sent at its end, so that a client's first messages are one. */
  #begin(subscription: Subscription): void {
    this.#joining.push(subscription);
    if (this.#joining.length === 1) this.#clock.defer(() => this.#greet());
    this.#watchHeartbeats();
  }

  #greet(): void {
    const joining = this.#joining;
    this.#joining = [];
    for (const subscription of joining) {
      if (!subscription.isOver && !subscription.isLive) this.#owe(subscription);
    }
    this.#queue.run();
  }

  #flush(views: readonly View[]): void {
    this.#timed((startMs) => {
      for (const view of views) this.#flushView(view, startMs);
      this.#queue.run();
    });
  }

  #flushView(view: View, nowMs: number): void {
    // Without consumers it stays dirty: the next one to join refreshes it. With any, dirty is due or waits.
    if (!view.dirty || view.subscriptions.size === 0) return;
    if (!this.#refresh(view)) return;
    this.#pacer.flushed(view, nowMs);
    view.lastSentMs = nowMs;
    view.changedSinceMs = view.dirtySinceMs;
    for (const subscription of view.subscriptions) this.#owe(subscription);
  }

  #owe(subscription: Subscription): void {
    const { session } = subscription;
    if (session.owe(subscription)) this.#queue.add(session);
  }

  #refresh(view: View): boolean {
    if (this.#newest.bids.price.length < view.depth) this.#newest = createDepth(view.depth);
    view.dirty = false;
    // False = the board has just got larger; it says so when there is something to read again.
    if (!this.#options.depths.read(view.instrumentIndex, view.depth, this.#newest)) return false;
    const changed = view.refresh(this.#newest);
    this.#views.recount(view);
    return changed;
  }

  /** One turn: everything that is due to a consumer leaves as one message. */
  #serve(sessions: readonly BroadcastSession[]): void {
    this.#turnNanos = this.#clock.unixNanos();
    this.#turnMs = this.#clock.nowMs();
    for (const session of sessions) session.flush();
    this.#turnNanos = undefined;
    this.#turnMs = undefined;
    const nowMs = this.#clock.nowMs();
    for (const view of this.#delivered) {
      this.metrics.delivered((nowMs - view.changedSinceMs) / 1000, view.handedOver);
      view.handedOver = 0;
    }
    this.#delivered.length = 0;
  }

  /** Counts the time that a task holds the thread. */
  #timed(task: (startMs: number) => void): void {
    const startMs = this.#clock.nowMs();
    task(startMs);
    const durationMs = this.#clock.nowMs() - startMs;
    this.metrics.flushed(durationMs / 1000);
    this.#governor.spent(durationMs);
  }

  #watchHeartbeats(): void {
    if (this.#heartbeatTimer !== undefined || this.#stopped) return;
    const nowMs = this.#clock.nowMs();
    let dueMs = Infinity;
    for (const view of this.#views.all()) {
      if (view.subscriptions.size === 0) continue;
      dueMs = Math.min(dueMs, view.lastSentMs + this.heartbeatIntervalMs);
    }
    if (dueMs === Infinity) return;
    this.#heartbeatTimer = this.#clock.setTimer(Math.max(0, dueMs - nowMs), () => {
      this.#heartbeatTimer = undefined;
      this.#sendHeartbeats();
      this.#watchHeartbeats();
    });
  }

  #sendHeartbeats(): void {
    const nowMs = this.#clock.nowMs();
    const quietSinceMs = nowMs - this.heartbeatIntervalMs * (1 - HEARTBEAT_SLACK);
    for (const view of this.#views.all()) {
      if (view.lastSentMs > quietSinceMs) continue;
      view.lastSentMs = nowMs;
      for (const subscription of view.subscriptions) {
        subscription.heartbeatDue = true;
        this.#owe(subscription);
      }
    }
    this.#queue.run();
  }

  #cutOffAllStalled(): void {
    const { stallTimeoutMs } = this.limits;
    const stalledSinceMs = this.#clock.nowMs() - stallTimeoutMs;
    for (const session of this.#sessions) {
      if (session.isWaiting && session.waitingSinceMs <= stalledSinceMs) this.cutOffStalled(session);
    }
  }

  #countWaiting(): number {
    let count = 0;
    for (const session of this.#sessions) {
      if (session.isWaiting) count += 1;
    }
    return count;
  }

  #listed(symbol: string): ListedInstrument {
    const listed = this.#options.instruments.find(symbol);
    if (listed !== undefined) return listed;
    throw unknownSymbol(symbol);
  }
}
