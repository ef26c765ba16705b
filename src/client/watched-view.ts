import type { ClientClock, Timer } from "../clock.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import { NoticeCode } from "../protocol/update-encoder.ts";
import { Breach, ClientBook } from "./client-book.ts";
import type { BookStatus } from "./live-book.ts";
import type { BookUpdate, MalformedUpdate, MarketSubscription, SubscribedUpdate } from "./market-update.ts";
import { NewestStates } from "./newest-state.ts";

/** Silence after which a book is stale, in heartbeats: a missing one is noticed before the second would be due. */
const STALE_HEARTBEATS = 1.75;

/** Told by a view of what its client has to do. */
export interface ViewListener {
  /** Something of the chain is lost: subscribe it anew. */
  broken(view: WatchedView, breach: Breach, detail: string): void;
  /** The server has said nothing of this view for too long. */
  silent(view: WatchedView): void;
}

/**
 * What a client knows of one subscription, over all its connections: the book, whether it can be trusted, and who
 * reads it. The client says when a connection comes and goes.
 */
export class WatchedView {
  readonly subscription: MarketSubscription;
  readonly changes = new NewestStates();
  readonly #clock: ClientClock;
  readonly #listener: ViewListener;
  #book: ClientBook | undefined;
  #status: BookStatus = "resyncing";
  #error: DepthcastError | undefined;
  #version = 0;
  /** When the server last said that the book is this. */
  #heardAtMs = 0;
  #silence: Timer | undefined;
  #firstLive: PromiseWithResolvers<void> | undefined = Promise.withResolvers();

  constructor(subscription: MarketSubscription, clock: ClientClock, listener: ViewListener) {
    this.subscription = subscription;
    this.#clock = clock;
    this.#listener = listener;
    // Whoever watches waits for it; a view that is closed at once may have nobody.
    this.live().catch(() => {});
  }

  get book(): ClientBook {
    invariant(this.#book !== undefined, "a book is shown once it has been live");
    return this.#book;
  }
  /** Looks at the clock as well: a thread that was held up runs its timers late, and must not take what it has for live. */
  get status(): BookStatus {
    return this.#status === "live" && this.#isSilent ? "stale" : this.#status;
  }
  get error(): DepthcastError | undefined {
    return this.#error;
  }
  /** Changes with every state of the levels. */
  get version(): number {
    return this.#version;
  }
  get ageMs(): number {
    return this.#clock.nowMs() - this.#heardAtMs;
  }
  /** Whether it has ever been live. */
  get wasLive(): boolean {
    return this.#firstLive === undefined;
  }

  /** Resolves when the book is live for the first time; rejects where it is closed before. */
  live(): Promise<void> {
    return this.#firstLive?.promise ?? Promise.resolve();
  }

  /** What to ask a server for: from the book's place on, where that is sound. */
  request(): MarketSubscription {
    const sound = this.#book?.phase === "live" ? this.#book.position : undefined;
    return { ...this.subscription, resume: sound };
  }

  /** Takes what the server says of this view. */
  take(update: BookUpdate | MalformedUpdate): void {
    if (this.#status === "closed") return;
    if (update.type === "malformed") {
      // The book stays sound, and is asked for from its place on.
      this.#break(Breach.malformed, update.detail);
      return;
    }
    if (update.type === "subscribed" && !this.#begin(update)) return;
    const book = this.#book;
    if (book === undefined) return;
    if (update.symbol !== this.subscription.symbol) {
      this.#break(Breach.window, `a message of this view is about ${update.symbol}`);
      return;
    }
    const verdict = book.apply(update);
    if (verdict.outcome === "skipped") return;
    if (verdict.outcome === "breach") {
      this.#break(verdict.breach, verdict.detail);
      return;
    }
    this.#heard(book);
    if (update.type === "snapshot" || update.type === "delta") this.#version += 1;
    if (update.type === "notice" && update.code !== NoticeCode.resync) return;
    const merged = update.type === "delta" ? update.mergedIntervals : 0;
    this.#become(book.phase === "live" ? "live" : "resyncing", update.type !== "heartbeat", merged);
  }

  /** The connection is gone: what is here is what was. */
  disconnected(): void {
    this.#silence?.cancel();
    if (this.wasLive) this.#become("stale");
  }

  /** For good. */
  close(error?: DepthcastError): void {
    if (this.#status === "closed") return;
    this.#silence?.cancel();
    this.#error = error;
    this.#become("closed");
    this.changes.end();
    this.#firstLive?.reject(
      error ??
        new DepthcastError(ErrorCode.aborted, `${this.subscription.symbol}: closed before there was a book`),
    );
    this.#firstLive = undefined;
  }

  /** False where the server answers something else than was asked for. */
  #begin(update: SubscribedUpdate): boolean {
    const { symbol, depth, intervalMs } = this.subscription;
    const asked =
      update.symbol === symbol &&
      update.instrument.symbol === symbol &&
      update.depth === depth &&
      update.intervalMs === intervalMs;
    if (!asked) {
      this.#break(
        Breach.window,
        `the server subscribed ${update.symbol} at depth ${update.depth}, which nobody asked for`,
      );
      return false;
    }
    this.#book ??= new ClientBook(update);
    return true;
  }

  #break(breach: Breach, detail: string): void {
    this.#silence?.cancel();
    this.#become("resyncing");
    this.#listener.broken(this, breach, detail);
  }

  #heard(book: ClientBook): void {
    this.#heardAtMs = this.#clock.nowMs();
    if (this.#silence === undefined) this.#watchSilence(book);
  }

  get #isSilent(): boolean {
    return this.#book !== undefined && this.ageMs >= silentMsOf(this.#book);
  }

  /** One timer at a time: it looks when the last word came, and waits for what is left. */
  #watchSilence(book: ClientBook): void {
    const leftMs = silentMsOf(book) - this.ageMs;
    const timer = this.#clock.setTimer(Math.max(1, leftMs), () => {
      if (this.#silence !== watch) return;
      this.#silence = undefined;
      if (!this.#isSilent) this.#watchSilence(book);
      else {
        if (this.wasLive) this.#become("stale");
        this.#listener.silent(this);
      }
    });
    const watch: Timer = {
      cancel: () => {
        timer.cancel();
        if (this.#silence === watch) this.#silence = undefined;
      },
    };
    this.#silence = watch;
  }

  /** The one place that changes the status. A change of the levels is told as well. */
  #become(status: BookStatus, changed = false, mergedIntervals = 0): void {
    const before = this.#status;
    this.#status = status;
    if (status === "live" && this.#firstLive !== undefined) {
      this.#firstLive.resolve();
      this.#firstLive = undefined;
    }
    if (changed || status !== before) this.changes.changed(mergedIntervals);
  }
}

function silentMsOf({ heartbeatIntervalMs }: ClientBook): number {
  return STALE_HEARTBEATS * heartbeatIntervalMs;
}
