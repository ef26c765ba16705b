import type { Instrument } from "../book/instrument.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { jsonSubscribe, readJsonFrame } from "./json-updates.ts";
import type { MarketDataConnection } from "./market-data-connection.ts";
import type { MarketSubscription, MarketUpdate } from "./market-update.ts";
import { UpdateQueue } from "./update-queue.ts";

const SUBPROTOCOL = "depthcast.v1.json";
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_SLOW_CONSUMER = 4008;

/**
 * Market data over the WebSocket bridge, in the JSON dialect, with the WebSocket that the platform has. It
 * cannot be paused, so a reader that is 65,536 updates behind ends it with `resource_exhausted`.
 */
export class WebSocketConnection implements MarketDataConnection {
  /** The URL. */
  readonly target: string;
  readonly #socket: WebSocket;
  readonly #queue = new UpdateQueue();
  /** Of each view that the server sends; undefined where its `subscribed` could not be read. */
  readonly #instruments = new Map<number, Instrument | undefined>();
  /** Symbols of subscriptions that were not answered yet, by id. */
  readonly #asked = new Map<string, string>();
  /** Views that were unsubscribed and whose `unsubscribed` has not come yet. */
  readonly #dropped = new Set<number>();
  /** Requests made before the socket was open. */
  readonly #early: string[] = [];
  readonly #explain: (url: string) => Promise<DepthcastError>;
  #subscriptionsMade = 0;
  #wasOpen = false;

  /**
   * @param url such as `ws://127.0.0.1:8080/v1/ws`
   * @param explain finds out why it could not be opened, which a WebSocket does not tell
   * @throws DepthcastError `invalid_argument` where that is no WebSocket URL.
   */
  constructor(url: string, explain = notOpened) {
    this.target = url;
    this.#explain = explain;
    this.#socket = openSocket(url);
    this.#socket.addEventListener("open", () => this.#opened());
    this.#socket.addEventListener("message", (event: { readonly data: unknown }) =>
      this.#receive(event.data),
    );
    this.#socket.addEventListener("close", (event: { readonly code: number; readonly reason: string }) =>
      this.#closed(event.code, event.reason),
    );
  }

  subscribe(subscriptions: readonly MarketSubscription[]): readonly string[] {
    return subscriptions.map((subscription) => {
      this.#subscriptionsMade += 1;
      const id = `s${this.#subscriptionsMade}`;
      this.#asked.set(id, subscription.symbol);
      this.#send(jsonSubscribe(subscription, id));
      return id;
    });
  }

  unsubscribe(viewId: number): void {
    if (!this.#instruments.has(viewId) || this.#dropped.has(viewId)) return;
    this.#dropped.add(viewId);
    this.#send(JSON.stringify({ op: "unsubscribe", viewId }));
  }

  updates(): AsyncIterable<readonly MarketUpdate[]> {
    return this.#queue;
  }

  close(): void {
    this.#queue.end();
    this.#socket.close(CLOSE_NORMAL);
  }

  #send(request: string): void {
    if (this.#wasOpen) this.#socket.send(request);
    else this.#early.push(request);
  }

  #opened(): void {
    this.#wasOpen = true;
    for (const request of this.#early.splice(0)) this.#socket.send(request);
  }

  #receive(data: unknown): void {
    try {
      if (typeof data !== "string") {
        throw new DepthcastError(ErrorCode.internal, "the server sent a binary frame");
      }
      const update = this.#readUpdate(data);
      if (update !== undefined) this.#queue.push([update]);
    } catch (thrown) {
      this.#queue.fail(DepthcastError.from(thrown));
      this.#socket.close(CLOSE_NORMAL);
    }
  }

  #readUpdate(data: string): MarketUpdate | undefined {
    const frame = readJsonFrame(data, (viewId) => this.#instruments.get(viewId));
    if (frame === undefined) return undefined;
    switch (frame.type) {
      case "unsubscribed":
        this.#dropped.delete(frame.viewId);
        this.#instruments.delete(frame.viewId);
        return undefined;
      case "error": {
        const symbol = this.#asked.get(frame.id);
        // Not about one subscription: about the connection as a whole.
        if (symbol === undefined) throw frame.error;
        this.#asked.delete(frame.id);
        return { type: "refused", id: frame.id, symbol, error: frame.error };
      }
      default:
        if (this.#dropped.has(frame.viewId)) return undefined;
        if (frame.type === "subscribed") {
          this.#instruments.set(frame.viewId, frame.instrument);
          this.#asked.delete(frame.id);
        } else if (frame.type === "malformed" && this.#asked.delete(frame.id)) {
          this.#instruments.set(frame.viewId, undefined);
        }
        return frame;
    }
  }

  #closed(code: number, reason: string): void {
    if (!this.#wasOpen) {
      void this.#explain(this.target).then((failure) => this.#queue.fail(failure));
      return;
    }
    this.#queue.fail(closeError(code, reason, this.target));
  }
}

function openSocket(url: string): WebSocket {
  if (!/^wss?:\/\//.test(url) || !URL.canParse(url)) {
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `"${url}" is not a WebSocket URL such as ws://127.0.0.1:8080/v1/ws`,
    );
  }
  return new WebSocket(url, SUBPROTOCOL);
}

function closeError(code: number, reason: string, target: string): DepthcastError {
  const isSlow = code === CLOSE_SLOW_CONSUMER;
  const what = isSlow
    ? "closed a consumer that was too slow"
    : code === CLOSE_GOING_AWAY
      ? "is going away"
      : `closed the connection with code ${code}`;
  return new DepthcastError(
    isSlow ? ErrorCode.resourceExhausted : ErrorCode.unavailable,
    `${target} ${what}${reason && `: ${reason}`}`,
  );
}

function notOpened(url: string): Promise<DepthcastError> {
  return Promise.resolve(new DepthcastError(ErrorCode.unavailable, `cannot open a WebSocket at ${url}`));
}
