import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import { NoticeCode, type UpdateKind } from "../protocol/update-encoder.ts";
import type { Broadcaster } from "./broadcaster.ts";
import type { SubscriptionRequest } from "../protocol/subscription.ts";
import type { Consumer, ConsumerSession } from "./consumer.ts";
import { Subscription } from "./subscription.ts";
import type { View } from "./view.ts";

/** One consumer with its subscriptions. */
export class BroadcastSession implements ConsumerSession {
  readonly #broadcaster: Broadcaster;
  readonly #consumer: Consumer;
  /** By view id; a symbol of its own for each whose view is being opened. */
  readonly #subscriptions = new Map<number, Subscription | symbol>();
  #open = true;
  /**
   * Subscriptions that something is due on; in the flush queue while there are any. A chain and not an array,
   * which would be emptied and grown anew, garbage both times, for every update.
   */
  #firstDue: Subscription | undefined;
  #lastDue: Subscription | undefined;
  /** Something fell due while its transport took nothing: what that was is found when it is writable again. */
  #isBehind = false;
  /**
   * Since when its transport may have taken nothing. Infinity = all was taken, as far as it is known: of a
   * transport that nothing falls due to it is learned at the next stall check only.
   */
  waitingSinceMs = Infinity;

  constructor(broadcaster: Broadcaster, consumer: Consumer) {
    this.#broadcaster = broadcaster;
    this.#consumer = consumer;
  }

  async subscribe(request: SubscriptionRequest): Promise<number> {
    const viewId = this.#broadcaster.viewId(request);
    this.#refuseOverLimit(request, viewId);
    const opening = Symbol("opening");
    this.#subscriptions.set(viewId, opening);
    let view: View;
    try {
      view = await this.#broadcaster.openView(viewId, request);
    } catch (refusal) {
      if (this.#subscriptions.get(viewId) === opening) this.#subscriptions.delete(viewId);
      throw refusal;
    }
    // Meanwhile the consumer may have gone, or changed its mind, even twice.
    if (this.#subscriptions.get(viewId) !== opening) {
      this.#broadcaster.leaveView(view);
      throw new DepthcastError(ErrorCode.aborted, "unsubscribed before the subscription began");
    }
    const subscription = new Subscription(view, this, request.id, request.resume);
    this.#subscriptions.set(viewId, subscription);
    this.#broadcaster.join(subscription);
    return viewId;
  }

  unsubscribe(viewId: number): boolean {
    const subscription = this.#subscriptions.get(viewId);
    const existed = this.#subscriptions.delete(viewId);
    if (subscription instanceof Subscription) this.#broadcaster.leave(subscription);
    return existed;
  }

  drained(): void {
    if (!this.#open || !this.#consumer.isWritable()) return;
    const sinceMs = this.waitingSinceMs;
    this.waitingSinceMs = Infinity;
    // The usual case: nothing fell due meanwhile.
    if (!this.#isBehind && this.#firstDue === undefined) return;
    this.#isBehind = false;
    const message = new Message();
    let caughtUp = 0;
    for (const subscription of this.#subscriptions.values()) {
      if (!(subscription instanceof Subscription) || !subscription.isBehind) continue;
      this.#collect(subscription, message);
      caughtUp += 1;
    }
    if (caughtUp > 0 && sinceMs !== Infinity) {
      this.#metrics.delivered((this.#broadcaster.nowMs() - sinceMs) / 1000, caughtUp);
    }
    this.#send(message);
  }

  /** Whether its transport takes nothing at present. */
  get isWaiting(): boolean {
    if (this.waitingSinceMs !== Infinity && this.#consumer.isWritable()) this.waitingSinceMs = Infinity;
    return this.waitingSinceMs !== Infinity;
  }

  progressed(): void {
    if (this.waitingSinceMs !== Infinity) this.waitingSinceMs = this.#broadcaster.nowMs();
  }

  nowMs(): number {
    return this.#broadcaster.nowMs();
  }

  stalled(): void {
    if (this.#open) this.#broadcaster.cutOffStalled(this);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.waitingSinceMs = Infinity;
    for (const subscription of this.#begun()) this.#broadcaster.leave(subscription);
    this.#subscriptions.clear();
    this.#broadcaster.forget(this);
  }

  /**
   * Something is due on a subscription. True = and nothing was before, so that it has to be queued. Where the
   * transport was asked in vain this is all that a change costs: `drained` looks at every subscription itself.
   */
  owe(subscription: Subscription): boolean {
    if (this.#isBehind || subscription.isDue) return false;
    subscription.isDue = true;
    const before = this.#lastDue;
    this.#lastDue = subscription;
    if (before === undefined) this.#firstDue = subscription;
    else before.nextDue = subscription;
    return before === undefined;
  }

  /** Its turn in the flush queue: sends what is due, if the transport takes it; else notes that it blocks. */
  flush(): void {
    const isWritable = this.#open && this.#consumer.isWritable();
    const message = new Message();
    let due = this.#firstDue;
    this.#firstDue = undefined;
    this.#lastDue = undefined;
    while (due !== undefined) {
      const { heartbeatDue, nextDue } = due;
      due.isDue = false;
      due.heartbeatDue = false;
      due.nextDue = undefined;
      if (isWritable && !due.isOver) this.#collectDue(due, heartbeatDue, message);
      due = nextDue;
    }
    if (isWritable) this.#send(message);
    else if (this.#open) {
      this.#isBehind = true;
      if (this.waitingSinceMs === Infinity) this.#startWaiting();
    }
  }

  #collectDue(subscription: Subscription, heartbeatDue: boolean, message: Message): void {
    // One that has just become writable is told what it missed: its book is not exact up to here yet.
    if (subscription.isBehind) {
      this.#broadcaster.handedOver(subscription.view);
      this.#collect(subscription, message);
    } else if (heartbeatDue) this.#collectHeartbeat(subscription, message);
  }

  /** Adds what has changed for one subscription, which is behind. */
  #collect(subscription: Subscription, message: Message): void {
    const { view } = subscription;
    const { dialect } = this.#consumer;
    if (!view.initialized) return;
    if (!subscription.isLive) this.#begin(subscription, message);
    if (!subscription.isBehind) return;
    const { cursor, changesAtCursor } = subscription;
    const { pieces, mergedIntervals } = view.catchUp(dialect, cursor, changesAtCursor, this.#broadcaster);
    message.add(pieces);
    this.#count(mergedIntervals > 0 ? "delta" : "snapshot");
    if (mergedIntervals > 1) this.#metrics.mergedIntervals(mergedIntervals - 1);
    subscription.reached(view.sequence, view.changes);
  }

  #collectHeartbeat({ view }: Subscription, message: Message): void {
    message.add([this.#broadcaster.heartbeatOf(view, this.#consumer.dialect)]);
    this.#count("heartbeat");
  }

  #send({ pieces }: Message): void {
    if (pieces.length === 0) return;
    this.waitingSinceMs = Infinity;
    if (!this.#consumer.send(pieces) && this.#open) this.#startWaiting();
  }

  /** Gives the consumer up. */
  cutOff(reason: DepthcastError, code: NoticeCode): void {
    const { dialect } = this.#consumer;
    const farewell: Uint8Array[] = [];
    for (const subscription of this.#begun()) {
      if (subscription.isLive) farewell.push(subscription.view.notice(dialect, code, reason.message));
    }
    this.close();
    this.#consumer.cutOff(reason, farewell);
  }

  /** `Subscribed`, and the snapshot unless the consumer can go on from where it was. */
  #begin(subscription: Subscription, message: Message): void {
    const { view, id, progress } = subscription;
    const { dialect } = this.#consumer;
    invariant(progress.phase !== "live", "a live subscription does not begin");
    const resume = progress.phase === "joining" ? progress.resume : undefined;
    const changesAtResume = resume === undefined ? undefined : view.changesAt(resume.epoch, resume.sequence);
    if (progress.phase === "restarting") {
      const detail = "the instrument was redefined; a snapshot follows";
      message.add([view.notice(dialect, NoticeCode.resync, detail)]);
    }
    const resumed = changesAtResume !== undefined;
    message.add([view.subscribed(dialect, id, resumed, this.#broadcaster.heartbeatIntervalMs)]);
    this.#count("subscribed");
    if (resume !== undefined && changesAtResume !== undefined) {
      subscription.reached(resume.sequence, changesAtResume);
    } else {
      message.add([view.snapshot(dialect, this.#broadcaster)]);
      this.#count("snapshot");
      subscription.reached(view.sequence, view.changes);
    }
  }

  *#begun(): IterableIterator<Subscription> {
    for (const subscription of this.#subscriptions.values()) {
      if (subscription instanceof Subscription) yield subscription;
    }
  }

  get #metrics() {
    return this.#broadcaster.metrics;
  }

  #count(kind: UpdateKind): void {
    this.#metrics.updatesSent(kind, this.#consumer.dialect, 1);
  }

  #refuseOverLimit(request: SubscriptionRequest, viewId: number): void {
    if (!this.#open)
      throw new DepthcastError(ErrorCode.unavailable, "the server is going away: connect elsewhere");
    if (this.#subscriptions.has(viewId)) {
      throw new DepthcastError(
        ErrorCode.alreadyExists,
        `already subscribed to ${request.symbol} at depth ${request.depth} and interval ${request.intervalMs} ms (view ${viewId})`,
        { reason: "VIEW_SUBSCRIBED", metadata: { view_id: String(viewId) } },
      );
    }
    const limit = this.#broadcaster.limits.subscriptionsPerConnectionMax;
    if (this.#subscriptions.size >= limit) {
      throw new DepthcastError(
        ErrorCode.resourceExhausted,
        `too many subscriptions: at most ${limit} a connection (subscriptionsPerConnectionMax)`,
        { reason: "SUBSCRIPTIONS_MAX", metadata: { limit: String(limit) } },
      );
    }
  }

  #startWaiting(): void {
    this.waitingSinceMs = this.#broadcaster.nowMs();
    this.#broadcaster.watchStalls();
  }
}

/**
 * The pieces that a consumer is sent at once. Those of a single view, the usual case, are the view's own list,
 * the same for all its consumers: nothing is made for each.
 */
class Message {
  #pieces: readonly Uint8Array[] = NO_PIECES;
  /** `#pieces`, where it is a list of this message alone. */
  #own: Uint8Array[] | undefined;

  get pieces(): readonly Uint8Array[] {
    return this.#pieces;
  }

  /** @param pieces shared: nobody changes this list */
  add(pieces: readonly Uint8Array[]): void {
    if (this.#pieces.length === 0) {
      this.#pieces = pieces;
      return;
    }
    this.#own ??= [...this.#pieces];
    this.#own.push(...pieces);
    this.#pieces = this.#own;
  }
}

const NO_PIECES: readonly Uint8Array[] = [];
