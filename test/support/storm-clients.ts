import type { BackoffOptions } from "../../src/client/backoff.ts";

/** What is asked of a process with clients of the SDK, by `AskedChild`. */
export type StormCommand =
  | { readonly op: "open"; readonly addresses: readonly StormAddress[]; readonly backoff: BackoffOptions }
  | { readonly op: "report"; readonly sequence: number };

export interface StormAddress {
  readonly address: string;
  readonly symbol: string;
  /** Clients, each with a connection of its own. */
  readonly clients: number;
}

export interface StormReport {
  /** Clients that are live and have got to the sequence that was asked for. */
  readonly current: number;
  /** The different books of those clients: their best bids as text. */
  readonly books: readonly string[];
  /** For each client that was cut and is live again: how long that took. */
  readonly awayMs: readonly number[];
  /** Connections that failed after the cut, by what the client was told. */
  readonly failures: Readonly<Record<string, number>>;
  /** Books that the server refused or that failed a check. */
  readonly problems: readonly string[];
}
