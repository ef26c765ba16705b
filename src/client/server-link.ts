import type { ClientClock, Timer } from "../clock.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import type { MarketDataConnection } from "./market-data-connection.ts";
import type { MarketUpdate } from "./market-update.ts";

/** Opens a connection to one address. @throws DepthcastError `invalid_argument` where the address is none. */
export type OpenConnection = (address: string) => MarketDataConnection;

/** The view of a link that its user has. */
export interface LinkListener {
  /** A connection was begun: ask for what is wanted. */
  began(connection: MarketDataConnection): void;
  /** The first message came on it. */
  connected(address: string): void;
  /** What the server sent together. */
  received(updates: readonly MarketUpdate[]): void;
  /** It is over; another is tried after `delayMs`. */
  lost(address: string, error: DepthcastError, delayMs: number): void;
}

export interface ServerLinkOptions {
  /** Tried in turn, each failure moving on to the next. */
  readonly addresses: readonly string[];
  readonly open: OpenConnection;
  readonly listener: LinkListener;
  readonly backoff: BackoffOptions;
  /** How long a connection may take until its first message. */
  readonly connectTimeoutMs: number;
  readonly clock: ClientClock;
  readonly random: () => number;
}

/**
 * - `idle`: nothing is wanted of any server yet.
 * - `connecting`: a connection was begun, nothing has come on it. Ends at the first message, a failure or the timeout.
 * - `connected`: messages come.
 * - `waiting`: the last connection is over, the timer begins another.
 * - `closed`: for good.
 */
type LinkState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly connection: MarketDataConnection; readonly timeout: Timer }
  | { readonly kind: "connected"; readonly connection: MarketDataConnection; readonly sinceMs: number }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "closed" };

/** One connection at a time to one of several servers, made anew whenever it is lost, with backoff and full jitter. */
export class ServerLink {
  readonly #options: ServerLinkOptions;
  readonly #backoff: Backoff;
  #state: LinkState = { kind: "idle" };
  #next = 0;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff, options.clock, options.random);
  }

  /** The connection that requests can be made on; undefined while there is none. */
  get connection(): MarketDataConnection | undefined {
    const state = this.#state;
    return state.kind === "connecting" || state.kind === "connected" ? state.connection : undefined;
  }

  /** Something is wanted: connects where nothing was wanted before. */
  start(): void {
    if (this.#state.kind === "idle") this.#connect();
  }

  /** The connection is no good, whatever it says of itself. */
  fail(error: DepthcastError): void {
    const { connection } = this;
    if (connection !== undefined) this.#lose(connection, error);
  }

  /** Nothing is wanted any more, until `start`. */
  rest(): void {
    const { connection } = this;
    this.#become({ kind: "idle" });
    connection?.close();
  }

  close(): void {
    const { connection } = this;
    this.#become({ kind: "closed" });
    connection?.close();
  }

  #connect(): void {
    const address = this.#address();
    let connection: MarketDataConnection;
    try {
      connection = this.#options.open(address);
    } catch (thrown) {
      this.#wait(address, DepthcastError.from(thrown));
      return;
    }
    const { clock, connectTimeoutMs, listener } = this.#options;
    const timeout = clock.setTimer(connectTimeoutMs, () =>
      this.#lose(connection, silent(address, connectTimeoutMs)),
    );
    this.#become({ kind: "connecting", connection, timeout });
    listener.began(connection);
    void this.#read(connection);
  }

  async #read(connection: MarketDataConnection): Promise<void> {
    let reason = new DepthcastError(
      ErrorCode.unavailable,
      `the server at ${connection.target} ended the connection`,
    );
    try {
      for await (const updates of connection.updates()) {
        if (this.connection !== connection) return;
        if (this.#state.kind === "connecting") this.#connected(connection);
        this.#options.listener.received(updates);
      }
    } catch (thrown) {
      reason = DepthcastError.from(thrown);
    }
    this.#lose(connection, reason);
  }

  #connected(connection: MarketDataConnection): void {
    this.#become({ kind: "connected", connection, sinceMs: this.#options.clock.nowMs() });
    this.#options.listener.connected(this.#address());
  }

  #lose(connection: MarketDataConnection, reason: DepthcastError): void {
    if (this.connection !== connection) return;
    const state = this.#state;
    if (state.kind === "connected") this.#backoff.lasted(this.#options.clock.nowMs() - state.sinceMs);
    const address = this.#address();
    this.#next += 1;
    this.#wait(address, reason);
    connection.close();
  }

  #wait(address: string, reason: DepthcastError): void {
    const { clock, listener } = this.#options;
    const delayMs = this.#backoff.next();
    if (delayMs === undefined) throw new Error("invariant: a link never gives up");
    this.#become({ kind: "waiting", timer: clock.setTimer(delayMs, () => this.#connect()) });
    listener.lost(address, reason, delayMs);
  }

  /** The one place that changes the state. Nothing leaves `closed`. */
  #become(state: LinkState): void {
    const before = this.#state;
    if (before.kind === "connecting") before.timeout.cancel();
    if (before.kind === "waiting") before.timer.cancel();
    if (before.kind === "closed") {
      if (state.kind === "waiting") state.timer.cancel();
      return;
    }
    this.#state = state;
  }

  #address(): string {
    const { addresses } = this.#options;
    return addresses[this.#next % addresses.length]!;
  }
}

function silent(address: string, timeoutMs: number): DepthcastError {
  return new DepthcastError(ErrorCode.unavailable, `nothing came from ${address} within ${timeoutMs} ms`, {
    reason: "CONNECT_TIMEOUT",
  });
}
