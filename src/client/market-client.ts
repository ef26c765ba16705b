import { type ClientClock, type Timer, clientClock } from "../clock.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import type { IntervalMs } from "../limits.ts";
import { NoticeCode } from "../protocol/update-encoder.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import type { Breach } from "./client-book.ts";
import { type ClientEvent, ClientEvents } from "./client-events.ts";
import { LiveBook } from "./live-book.ts";
import type { MarketDataConnection } from "./market-data-connection.ts";
import type { BookUpdate, MalformedUpdate, MarketUpdate, RefusedUpdate } from "./market-update.ts";
import { type OpenConnection, ServerLink } from "./server-link.ts";
import { WatchedView } from "./watched-view.ts";

/** How a client gets at its servers. All of it may be left out. */
export interface ClientOptions {
  /** How long a connection may take until its first message. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** How a lost connection is made anew: it is tried until the client is closed. Default: waits of up to 5 s. */
  readonly backoff?: Pick<BackoffOptions, "firstDelayMs" | "delayMaxMs">;
  /**
   * Whether the first book may wait for a server that is not there yet. Default false: `watch` is rejected when
   * every address has failed once, so that a wrong address is noticed.
   */
  readonly waitForServer?: boolean;
  /** Time and timers, for tests. Default: the machine's. */
  readonly clock?: ClientClock;
  /** From 0 to below 1, for the jitter. Default `Math.random`. */
  readonly random?: () => number;
}

/** What of a book is wanted, and how often. */
export interface WatchOptions {
  /** Levels a side. Default 20. */
  readonly depth?: number;
  /** The least time between two updates, one of `INTERVALS_MS`. Default 50. */
  readonly intervalMs?: IntervalMs;
}

/** Said to the server, not left to it: two ways to ask for the same must not be two subscriptions of one view. */
const DEPTH_DEFAULT = 20;
const INTERVAL_DEFAULT_MS = 50;

/** Refusals that stay, whenever one asks again; others pass, such as of a symbol that is not defined yet after a restart. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.invalidArgument,
  ErrorCode.failedPrecondition,
  ErrorCode.unauthenticated,
  ErrorCode.permissionDenied,
]);

/** Until it is closed it goes on trying. */
const FOREVER = { attemptsMax: Infinity, giveUpAfterMs: Infinity };
const CONNECT_TIMEOUT_MS = 10_000;

/** A view that is asked for again, and when. */
interface Renewal {
  readonly backoff: Backoff;
  timer: Timer | undefined;
}

/**
 * Live books from one of several servers, over one connection at a time. Each book is checked by itself: what is wrong
 * with one symbol, or has to be asked for again, leaves the others as they are.
 */
export class MarketClient {
  readonly #options: ClientOptions;
  readonly #addresses: readonly string[];
  readonly #clock: ClientClock;
  readonly #random: () => number;
  readonly #link: ServerLink;
  readonly #events = new ClientEvents();
  /** By symbol, depth and interval: a connection has each once, whoever watches it. */
  readonly #views = new Map<string, { readonly view: WatchedView; readonly books: Set<LiveBook> }>();
  readonly #renewals = new Map<WatchedView, Renewal>();
  /** Of the present connection. */
  readonly #byRequest = new Map<string, WatchedView>();
  readonly #byViewId = new Map<number, WatchedView>();
  readonly #answers = new Map<WatchedView, Timer>();
  #failures = 0;
  #closed = false;

  /** @internal See `connect`. */
  constructor(addresses: readonly string[], open: OpenConnection, options: ClientOptions = {}) {
    this.#addresses = addresses;
    this.#options = options;
    this.#clock = options.clock ?? clientClock;
    this.#random = options.random ?? Math.random;
    this.#link = new ServerLink({
      addresses,
      open,
      backoff: { ...options.backoff, ...FOREVER },
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      clock: this.#clock,
      random: this.#random,
      listener: {
        began: () => this.#subscribe([...this.#views.values()].map(({ view }) => view)),
        connected: (address) => this.#connected(address),
        received: (updates) => this.#received(updates),
        lost: (address, error, delayMs) => this.#lost(address, error, delayMs),
      },
    });
  }

  /**
   * A live book of one symbol; resolves when it is exact for the first time. Watching the same again shares what comes.
   *
   * @throws DepthcastError `invalid_argument`, `not_found` and the like where the server refuses it; `unavailable` where no
   *   address answers; `aborted` where the client is closed.
   */
  async watch(symbol: string, options: WatchOptions = {}): Promise<LiveBook> {
    if (this.#closed) throw clientClosed();
    const { depth = DEPTH_DEFAULT, intervalMs = INTERVAL_DEFAULT_MS } = options;
    const key = `${symbol} ${depth} ${intervalMs}`;
    let entry = this.#views.get(key);
    if (entry === undefined) {
      const view = new WatchedView({ symbol, depth, intervalMs }, this.#clock, {
        broken: (broken, breach, detail) => this.#broken(broken, breach, detail),
        silent: (silent) => this.#silent(silent),
      });
      entry = { view, books: new Set() };
      this.#views.set(key, entry);
      if (this.#link.connection === undefined) this.#link.start();
      else this.#subscribe([view]);
    }
    const { view, books } = entry;
    const book: LiveBook = new LiveBook(view, () => {
      books.delete(book);
      if (books.size === 0) this.#drop(key, view);
    });
    books.add(book);
    try {
      await view.live();
      return book;
    } catch (thrown) {
      book.close();
      throw thrown;
    }
  }

  /**
   * What happens to connections and books, for logs and status lines. A reader that is slow loses the oldest.
   */
  events(): AsyncIterableIterator<ClientEvent> {
    return this.#events.read();
  }

  /** Ends every book and the connection. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#link.close();
    this.#forgetConnection();
    for (const { view } of this.#views.values()) view.close();
    this.#views.clear();
    for (const { timer } of this.#renewals.values()) timer?.cancel();
    this.#renewals.clear();
    this.#events.end();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #subscribe(views: readonly WatchedView[]): void {
    const { connection } = this.#link;
    if (connection === undefined || views.length === 0) return;
    const ids = connection.subscribe(views.map((view) => view.request()));
    for (const [index, id] of ids.entries()) {
      const view = views[index]!;
      this.#byRequest.set(id, view);
      this.#awaitAnswer(view, connection);
    }
  }

  /** A request that is never answered may have been lost on the way: the connection is no good then. */
  #awaitAnswer(view: WatchedView, connection: MarketDataConnection): void {
    const timeoutMs = this.#options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    this.#answers.get(view)?.cancel();
    this.#answers.set(
      view,
      this.#clock.setTimer(timeoutMs, () => {
        if (this.#link.connection === connection) {
          this.#link.fail(unanswered(connection.target, view.subscription.symbol, timeoutMs));
        }
      }),
    );
  }

  #answered(view: WatchedView): void {
    this.#answers.get(view)?.cancel();
    this.#answers.delete(view);
  }

  #connected(address: string): void {
    this.#failures = 0;
    this.#events.add({ type: "connected", address });
  }

  #received(updates: readonly MarketUpdate[]): void {
    for (const update of updates) {
      if (update.type === "refused") this.#refused(update);
      else this.#take(update);
    }
  }

  #take(update: BookUpdate | MalformedUpdate): void {
    if (update.type === "subscribed" || update.type === "malformed") {
      const asked = this.#byRequest.get(update.id);
      this.#byRequest.delete(update.id);
      if (asked !== undefined) {
        this.#answered(asked);
        this.#byViewId.set(update.viewId, asked);
      }
    }
    const view = this.#byViewId.get(update.viewId);
    if (view === undefined) return;
    if (update.type === "notice" && update.code === NoticeCode.shutdown) {
      this.#link.fail(
        new DepthcastError(ErrorCode.unavailable, "the server is going away", { reason: "SHUTDOWN" }),
      );
      return;
    }
    view.take(update);
    if (update.type === "delta" && view.status === "live") this.#renewals.delete(view);
  }

  #refused({ id, error }: RefusedUpdate): void {
    const view = this.#byRequest.get(id);
    if (view === undefined) return;
    this.#byRequest.delete(id);
    this.#answered(view);
    this.#events.add({ type: "refused", symbol: view.subscription.symbol, error });
    if (view.wasLive && !FINAL.has(error.code)) this.#renew(view);
    else this.#end(view, error);
  }

  /** A check failed: that book is asked for anew, and no other notices. */
  #broken(view: WatchedView, breach: Breach, detail: string): void {
    this.#events.add({ type: "resync", symbol: view.subscription.symbol, breach, detail });
    this.#unsubscribe(view);
    this.#renew(view);
  }

  /** Nothing came for a view. Where nothing came for any, the connection is dead, whatever it looks like. */
  #silent(view: WatchedView): void {
    const { connection } = this.#link;
    if (connection === undefined) return;
    this.#events.add({ type: "stale", symbol: view.subscription.symbol, ageMs: view.ageMs });
    const othersLive = [...this.#byViewId.values()].some(
      (other) => other !== view && other.status === "live",
    );
    if (!othersLive) {
      this.#link.fail(heartbeatsMissing(connection.target, view.ageMs));
      return;
    }
    this.#unsubscribe(view);
    this.#renew(view);
  }

  /** Asks for a view again, the sooner the less often that was needed. */
  #renew(view: WatchedView): void {
    let renewal = this.#renewals.get(view);
    if (renewal === undefined) {
      const options = { ...this.#options.backoff, ...FOREVER };
      renewal = { backoff: new Backoff(options, this.#clock, this.#random), timer: undefined };
      this.#renewals.set(view, renewal);
    }
    renewal.timer?.cancel();
    const delayMs = renewal.backoff.next() ?? 0;
    renewal.timer = this.#clock.setTimer(delayMs, () => {
      if (view.status !== "closed") this.#subscribe([view]);
    });
  }

  #unsubscribe(view: WatchedView): void {
    this.#answered(view);
    for (const [viewId, candidate] of this.#byViewId) {
      if (candidate !== view) continue;
      this.#byViewId.delete(viewId);
      this.#link.connection?.unsubscribe(viewId);
    }
  }

  #lost(address: string, error: DepthcastError, retryInMs: number): void {
    this.#forgetConnection();
    this.#events.add({ type: "disconnected", address, error, retryInMs });
    for (const { timer } of this.#renewals.values()) timer?.cancel();
    for (const { view } of this.#views.values()) view.disconnected();
    this.#failures += 1;
    if (this.#options.waitForServer === true || this.#failures < this.#addresses.length) return;
    for (const { view } of this.#views.values()) if (!view.wasLive) this.#end(view, error);
  }

  #forgetConnection(): void {
    this.#byRequest.clear();
    this.#byViewId.clear();
    for (const timer of this.#answers.values()) timer.cancel();
    this.#answers.clear();
  }

  /** The last book of a view was closed. */
  #drop(key: string, view: WatchedView): void {
    if (this.#views.get(key)?.view === view) this.#views.delete(key);
    this.#renewals.get(view)?.timer?.cancel();
    this.#renewals.delete(view);
    this.#unsubscribe(view);
    view.close();
    if (this.#views.size === 0) this.#rest();
  }

  /** Nothing is watched: no connection is kept for it. */
  #rest(): void {
    this.#forgetConnection();
    this.#link.rest();
  }

  /** A view for which there is no hope. */
  #end(view: WatchedView, error: DepthcastError): void {
    for (const [key, entry] of this.#views) if (entry.view === view) this.#views.delete(key);
    this.#renewals.get(view)?.timer?.cancel();
    this.#renewals.delete(view);
    view.close(error);
    if (this.#views.size === 0) this.#rest();
  }
}

/** What every call on a closed client is told. */
export function clientClosed(): DepthcastError {
  return new DepthcastError(ErrorCode.aborted, "the client is closed");
}

function unanswered(target: string, symbol: string, timeoutMs: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.unavailable,
    `${target} did not answer the subscription of ${symbol} within ${timeoutMs} ms`,
    { reason: "SUBSCRIPTION_UNANSWERED" },
  );
}

function heartbeatsMissing(target: string, silentMs: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.unavailable,
    `${target} has sent nothing for ${Math.round(silentMs)} ms, not even a heartbeat`,
    { reason: "HEARTBEATS_MISSING" },
  );
}
